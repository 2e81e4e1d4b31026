import { describe, expect, test } from 'vitest'
import { resumeCursor } from './resumeCursor.ts'

const SECOND = 1_000_000
const NOW = 1_800_000_000 * SECOND
const position = {
  timeUs: NOW - 60 * SECOND,
  host: 'a.test',
  disorderUs: 0,
  committedUs: NOW - 59 * SECOND,
}
const options = { position, host: 'a.test', startUs: NOW - 7_200 * SECOND, nowUs: NOW }

describe('the cursor to resume from', () => {
  test('lies before the position by 5 s, and on another host by more than clocks differ', () => {
    expect(resumeCursor(options)).toBe(position.timeUs - 5 * SECOND)
    expect(resumeCursor({ ...options, host: 'b.test' })).toBe(position.timeUs - 130 * SECOND)
  })

  test('lies before the position by the disorder of the stream too, however much', () => {
    const disorderly = { ...position, disorderUs: 90 * SECOND }
    expect(resumeCursor({ ...options, position: disorderly })).toBe(position.timeUs - 95 * SECOND)
    const far = { ...position, disorderUs: 6 * 3_600 * SECOND }
    expect(resumeCursor({ ...options, position: far })).toBe(position.timeUs - 21_605 * SECOND)
  })

  test('lies before our clock at the commit, for what was sent since then', () => {
    const ahead = { ...position, timeUs: NOW + 50 * SECOND }
    expect(resumeCursor({ ...options, position: ahead })).toBe(position.committedUs - 5 * SECOND)
    const disorderly = { ...ahead, disorderUs: 50 * SECOND }
    expect(resumeCursor({ ...options, position: disorderly })).toBe(
      position.committedUs - 55 * SECOND,
    )
  })

  test('is that of the position when our clock was far ahead at the commit', () => {
    const committedUs = NOW + 40 * 86_400 * SECOND
    expect(resumeCursor({ ...options, position: { ...position, committedUs } })).toBe(
      position.timeUs - 5 * SECOND,
    )
  })

  test('never lies in the future, nor before the beginning of time', () => {
    const ahead = { ...position, timeUs: NOW + 50 * SECOND, committedUs: NOW + 40 * SECOND }
    expect(resumeCursor({ ...options, position: ahead })).toBe(NOW - 5 * SECOND)
    // Our clock was set back by an hour or more, or it was wrong with the stream: nobody knows.
    const far = { ...position, timeUs: NOW + 7_200 * SECOND, committedUs: NOW + 7_200 * SECOND }
    expect(resumeCursor({ ...options, position: far })).toBe(NOW - 3_605 * SECOND)
    expect(resumeCursor({ ...options, position: { ...position, timeUs: 1 } })).toBe(1)
  })

  test('is the start while nothing is committed, and absent for the live tail', () => {
    expect(resumeCursor({ ...options, position: undefined })).toBe(options.startUs)
    expect(resumeCursor({ ...options, position: undefined, startUs: undefined })).toBeUndefined()
  })
})
