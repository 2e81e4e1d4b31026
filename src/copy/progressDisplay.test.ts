import { expect, test } from 'vitest'
import { ProgressDisplay } from './progressDisplay.ts'

function watch(isTTY: boolean, rows: readonly number[], everyMs: number): string {
  let nowMs = 0
  let written = ''
  const stream = {
    isTTY,
    columns: 60,
    write: (text: string) => {
      written += text
    },
  }
  {
    using display = new ProgressDisplay(stream, () => nowMs)
    for (const count of rows) {
      display.show({ phase: 'copying', table: 'post', rows: count, totalRows: 10_000 })
      nowMs += everyMs
    }
  }
  return written
}

test('a terminal gets a bar that changes in place and is gone at the end', () => {
  const written = watch(true, [1_000, 1_010, 6_000], 50)
  expect(written).toBe(
    '\r[##......................]  10% copying post: 1,000 rows\u001B[K' +
      '\r[##############..........]  60% copying post: 6,000 rows, 5\u001B[K' +
      '\r\u001B[K',
  )
})

test('anything else gets a line every few seconds, with the rows a second of this run', () => {
  expect(watch(false, [1_000, 2_000, 6_000, 11_000], 2_500)).toBe(
    ' 10% copying post: 1,000 rows\n 60% copying post: 6,000 rows, 1,000 rows/s\n',
  )
})
