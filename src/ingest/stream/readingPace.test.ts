import { expect, test } from 'vitest'
import { ReadingPace } from './readingPace.ts'

test('a reader that is busy itself does not rest while more is waiting', async () => {
  let rests = 0
  const pace = new ReadingPace({
    onRest: () => {
      rests += 1
    },
    onRested: () => {},
  })
  for (let read = 0; read < 4; read += 1) {
    pace.noteRead(64 * 1024)
    const until = performance.now() + 50
    while (performance.now() < until) {
      // Other work of the thread, or of the machine.
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  pace.stop()
  expect(rests).toBe(0)
})
