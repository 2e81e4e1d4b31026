import type { Keyset } from '../feeds/cursor.ts'
import type { PostTuple, ReadList } from './postLists.ts'

interface Head {
  readonly read: ReadList
  rows: readonly PostTuple[]
  at: number
  /** So many rows are read next. */
  step: number
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
export class MergedLists {
  readonly #heads: readonly Head[]
  readonly #isUp: boolean

  constructor(lists: readonly ReadList[], { from, isUp, firstStep }: MergeOptions) {
    this.#heads = lists.map((read) => ({ read, rows: [], at: 0, step: firstStep, place: from }))
    this.#isUp = isUp
  }

  /** The next posts; fewer than asked for are the last. */
  async take(count: number): Promise<PostTuple[]> {
    const taken: PostTuple[] = []
    while (taken.length < count) {
      const empty = this.#heads.filter(({ rows, at, place }) => at >= rows.length && place)
      if (empty.length > 0) {
        await Promise.all(empty.map((head) => refill(head, this.#isUp)))
      }
      const best = this.#best()
      if (best === undefined) {
        break
      }
      for (const head of this.#heads) {
        if (head.rows[head.at]?.[2] === best[2]) {
          head.at += 1
        }
      }
      taken.push(best)
    }
    return taken
  }

  #best(): PostTuple | undefined {
    let best: PostTuple | undefined
    for (const { rows, at } of this.#heads) {
      const row = rows[at]
      if (row !== undefined && (best === undefined || isBefore(row, best, this.#isUp))) {
        best = row
      }
    }
    return best
  }
}

async function refill(head: Head, isUp: boolean): Promise<void> {
  const { read, place, step } = head
  if (place === undefined) {
    return
  }
  head.rows = await read(place, step, isUp)
  head.at = 0
  const last = head.rows.at(-1)
  head.place = head.rows.length < step || last === undefined ? undefined : placeOf(last)
  head.step = Math.min(MAX_STEP, step * 2)
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
