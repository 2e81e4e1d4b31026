import { renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { temporaryFolder } from '../../../test/support/databases.ts'
import { silentLogger } from '../../logger.ts'
import { watchFile } from './watchFile.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('what cannot be looked at is as it was, and ends nothing', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'test.db')
  writeFileSync(path, '')
  using watch = watchFile(`sqlite:${path}`, silentLogger())
  // A name that leads to itself: every look at it fails, whoever looks.
  symlinkSync('test.db-wal', `${path}-wal`)
  vi.advanceTimersByTime(3_000)
  expect(watch.problem()).toBeUndefined()
})

test('a file that is taken away is missed, and found again', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'test.db')
  writeFileSync(path, '')
  using watch = watchFile(`sqlite:${path}`, silentLogger())
  renameSync(path, `${path}.away`)
  vi.advanceTimersByTime(1_000)
  expect(watch.problem()).toMatch(/has been removed/)
  renameSync(`${path}.away`, path)
  vi.advanceTimersByTime(1_000)
  expect(watch.problem()).toBeUndefined()
})
