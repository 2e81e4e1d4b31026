import { expect, test } from 'vitest'
import { silentLogger } from '../logger.ts'
import { IngestCounters } from './ingestCounters.ts'

test('a clock that was wrong is judged anew when ingest begins again', () => {
  const counters = new IngestCounters(silentLogger(), () => 0)
  counters.clockIsWrong('our clock is wrong')
  counters.waits('the database is away')
  expect(counters.status(0).clockProblem).toBe('our clock is wrong')
  counters.positionLoaded(undefined, undefined)
  expect(counters.status(0).clockProblem).toBeUndefined()
})
