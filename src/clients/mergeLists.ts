import type { Keyset } from '../feeds/cursor.ts'
import type { PostTuple, ReadList } from './postLists.ts'

interface Head {
  readonly read: ReadList
  rows: readonly PostTuple[]
  at: number
  /** Where the list goes on; undefined at its end. */
  place: Keyset | undefined
}

export interface MergeOptions {
  readonly from: Keyset
  readonly isUp: boolean
  /** So many rows of each list are read first. */
  readonly firstStep: number
}

const MAX_STEP = 500

/** The posts of several lists, each once, in the order of their places. Work: one row of each list a post. */
export async function* mergeLists(
  lists: readonly ReadList[],
  { from, isUp, firstStep }: MergeOptions,
): AsyncGenerator<PostTuple> {
  const heads: Head[] = lists.map((read) => ({ read, rows: [], at: 0, place: from }))
  let step = firstStep
  for (;;) {
    let best: PostTuple | undefined
    for (const head of heads) {
      if (head.at >= head.rows.length && head.place !== undefined) {
        head.rows = await head.read(head.place, step, isUp)
        head.at = 0
        const last = head.rows.at(-1)
        head.place = head.rows.length < step || last === undefined ? undefined : placeOf(last)
        step = Math.min(MAX_STEP, step * 2)
      }
      const row = head.rows[head.at]
      if (row !== undefined && (best === undefined || isBefore(row, best, isUp))) {
        best = row
      }
    }
    if (best === undefined) {
      return
    }
    for (const head of heads) {
      if (head.rows[head.at]?.[2] === best[2]) {
        head.at += 1
      }
    }
    yield best
  }
}

export function placeOf([indexedAt, cid, uri]: PostTuple): Keyset {
  return { indexedAt, cid, uri }
}

/** Cids and at-uris are ASCII: to compare units is to compare bytes. */
function isBefore(a: PostTuple, b: PostTuple, isUp: boolean): boolean {
  for (const index of [0, 1, 2] as const) {
    if (a[index] !== b[index]) {
      return isUp ? a[index] < b[index] : a[index] > b[index]
    }
  }
  return false
}
