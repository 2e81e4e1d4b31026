import { describe, expect, test } from 'vitest'
import { resumeCursor } from './resumeCursor.ts'

const SECOND = 1_000_000
const NOW = 1_800_000_000 * SECOND
const position = { timeUs: NOW - 60 * SECOND, host: 'a.test', disorderUs: 0 }
const options = { position, host: 'a.test', startUs: NOW - 7_200 * SECOND, nowUs: NOW }

describe('the cursor to resume from', () => {
  test('lies before the position by 5 s, and by 10 s on another host', () => {
    expect(resumeCursor(options)).toBe(position.timeUs - 5 * SECOND)
    expect(resumeCursor({ ...options, host: 'b.test' })).toBe(position.timeUs - 10 * SECOND)
  })

  test('lies before the position by the disorder of the stream too, up to an hour', () => {
    const disorderly = { ...position, disorderUs: 90 * SECOND }
    expect(resumeCursor({ ...options, position: disorderly })).toBe(position.timeUs - 95 * SECOND)
    const wild = { ...position, disorderUs: 1e15 }
    expect(resumeCursor({ ...options, position: wild })).toBe(position.timeUs - 3_605 * SECOND)
  })

  test('never lies in the future, nor before the beginning of time', () => {
    const ahead = { ...position, timeUs: NOW + 50 * SECOND }
    expect(resumeCursor({ ...options, position: ahead })).toBe(NOW - 5 * SECOND)
    expect(resumeCursor({ ...options, position: { ...position, timeUs: 1 } })).toBe(1)
  })

  test('is the start while nothing is committed, and absent for the live tail', () => {
    expect(resumeCursor({ ...options, position: undefined })).toBe(options.startUs)
    expect(resumeCursor({ ...options, position: undefined, startUs: undefined })).toBeUndefined()
  })
})
