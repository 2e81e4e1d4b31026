import { afterAll } from 'vitest'
import { dropServiceDatabases } from './serviceDatabase.ts'

afterAll(dropServiceDatabases)
