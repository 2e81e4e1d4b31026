import { describe, expect, test } from 'vitest'
import { ClockJudge } from './clockJudge.ts'
import type { HeardEvent } from './clockJudge.ts'

const SECOND = 1_000_000
const NOW = 1_800_000_000 * SECOND
const AHEAD = 600 * SECOND

function openBench() {
  const time = { ms: 1_000, offsetUs: 0 }
  const trueUs = (): number => NOW + time.ms * 1_000
  const judge = new ClockJudge(
    () => trueUs() + time.offsetUs,
    () => time.ms,
  )
  const event = (aheadUs = 0): HeardEvent => ({ timeUs: trueUs() + aheadUs, receivedMs: time.ms })
  const events = (count: number, aheadUs = 0): HeardEvent[] =>
    Array.from({ length: count }, () => event(aheadUs))
  return { time, judge, event, events }
}

describe('our clock', () => {
  test('is wrong when nearly all of the last 20 events are far ahead', () => {
    const { judge, events } = openBench()
    expect(judge.judge([...events(2), ...events(18, AHEAD)])).toBe('wrong')
    expect(judge.judge([...events(3), ...events(17, AHEAD)])).toBe('right')
    judge.noteOnTime()
    judge.note(events(10, AHEAD))
    expect(judge.judge(events(10, AHEAD))).toBe('wrong')
    // A burst of one broken host is over.
    expect(judge.judge([...events(25, AHEAD), ...events(3)])).toBe('right')
  })

  test('is not judged by a few while none was on time, until half a minute has passed', () => {
    const { time, judge, events } = openBench()
    const waiting = events(3, AHEAD)
    expect(judge.judge(waiting)).toBe('undecided')
    time.ms += 31_000
    expect(judge.judge(waiting)).toBe('wrong')
    expect(judge.judge([...waiting, ...events(1)])).toBe('right')
  })

  test('is right for a few that are ahead when others have been on time', () => {
    const { time, judge, events } = openBench()
    judge.noteOnTime()
    judge.note(events(1))
    expect(judge.judge(events(6, AHEAD))).toBe('right')
    judge.note(events(6, AHEAD))
    time.ms += 31_000
    // Half a minute of nothing else.
    expect(judge.judge(events(1, AHEAD))).toBe('wrong')
  })

  test('does not become right by waiting, but by being set', () => {
    const { time, judge, events } = openBench()
    time.offsetUs = -AHEAD
    const waiting = events(20)
    expect(judge.judge(waiting)).toBe('wrong')
    time.ms += 900_000
    expect(judge.judge(waiting)).toBe('wrong')
    time.offsetUs = 0
    expect(judge.judge(waiting)).toBe('right')
    expect(judge.clockAt(waiting[0]?.receivedMs ?? 0)).toBe(waiting[0]?.timeUs)
  })

  test('is right after minutes in which nothing but one such event has come', () => {
    const { time, judge, events } = openBench()
    const waiting = events(1, AHEAD)
    expect(judge.judge(waiting)).toBe('undecided')
    time.ms += 31_000
    expect(judge.judge(waiting)).toBe('wrong')
    time.ms += 300_000
    expect(judge.judge(waiting)).toBe('right')
  })

  test('is judged by minutes though each connection brings the one event anew', () => {
    const { time, judge, event } = openBench()
    const { timeUs } = event(AHEAD)
    const verdicts = Array.from({ length: 12 }, () => {
      time.ms += 29_000
      time.offsetUs -= 29_000_000
      return judge.judge([{ timeUs, receivedMs: time.ms }])
    })
    expect(new Set(verdicts.slice(0, -2))).toEqual(new Set(['undecided', 'wrong']))
    expect(verdicts.at(-1)).toBe('right')
  })
})
