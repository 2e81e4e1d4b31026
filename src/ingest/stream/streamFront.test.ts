import { describe, expect, test } from 'vitest'
import { StreamFront } from './streamFront.ts'

const SECOND = 1_000_000
const HOUR = 3_600 * SECOND
const START = 1_800_000_000 * SECOND

/** A stream so quiet that after each of its frames nothing comes for a while. */
function openQuietStream(count: number) {
  const front = new StreamFront()
  const tell = (timeUs: number): void => {
    front.note(timeUs, true)
    front.settle()
  }
  Array.from({ length: count }, (_, index) => START + index * 10 * SECOND).forEach(tell)
  return { front, tell, lastUs: START + (count - 1) * 10 * SECOND }
}

describe('a doubt about the front', () => {
  test('follows a quiet stream: it does not grow with it', () => {
    const { front, lastUs } = openQuietStream(1_000)
    expect(lastUs - front.doubtUs).toBeLessThan(2 * 60 * SECOND)
  })

  test.each([5, 6, 7, 8, 9, 10, 11, 12])(
    'is not taken away by a second frame near a stray one, after %i quiet ones',
    (count) => {
      const { front, tell, lastUs } = openQuietStream(count)
      for (const us of [0, SECOND, 2 * SECOND]) {
        tell(lastUs + 6 * HOUR + us)
      }
      expect(front.us).toBeGreaterThan(lastUs + 5 * HOUR)
      expect(front.doubtUs).toBeLessThanOrEqual(lastUs)
    },
  )
})
