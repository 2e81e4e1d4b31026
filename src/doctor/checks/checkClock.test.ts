import { expect, test } from 'vitest'
import { checkClock } from './checkClock.ts'

test.each([
  ['nobody tells the time', undefined, undefined, ['skipped: the service does not tell its time']],
  ['the service alone, well', 900, undefined, ['ok: the service and this machine agree']],
  [
    'the service alone, ahead',
    7_000,
    undefined,
    ['warning: the clock of the service is 7 s ahead of'],
  ],
  ['the service is far behind', -61_000, 200, ['failure: the clock of the service is 61 s behind']],
  [
    'this machine is wrong',
    30_000,
    30_500,
    [
      'ok: the service and the AppView agree',
      'warning: this machine, where the doctor runs, is 31 s behind',
    ],
  ],
])('%s', (_name, serviceAheadMs, appViewAheadMs, expected) => {
  const findings = checkClock({ serviceAheadMs, appViewAheadMs })
  expect(findings).toHaveLength(expected.length)
  for (const [index, beginning] of expected.entries()) {
    const { verdict, message } = findings[index] ?? {}
    expect(`${verdict}: ${message}`.slice(0, beginning.length)).toBe(beginning)
  }
})
