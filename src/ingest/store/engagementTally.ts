/** An engagement that is for another post than before, or for none. */
export interface Move {
  readonly accountId: number
  /** By `ENGAGEMENT`. */
  readonly kind: number
  readonly before: number | undefined
  readonly after: number | undefined
}

/** How often an account engages with a post in one way. */
interface Times {
  readonly postId: number
  readonly kind: number
  before: number
  change: number
}

/** As the store tells it: how often each account engages with each post. */
export interface StoredTimes {
  readonly account_id: number
  readonly post_id: number
  readonly kind: number
  readonly times: number
}

/**
 * Works out by how much the counts of posts change when engagements of visible accounts move. An
 * account counts once for a post, however often it does the same. Pure; used for one batch.
 */
export class EngagementTally {
  readonly #times = new Map<string, Times>()
  /** What the store has to be asked: account, post and kind. */
  readonly asked: [accountId: number, postId: number, kind: number][] = []

  /** `isStranger`: an account that cannot have engaged with anything before. */
  move({ accountId, kind, before, after }: Move, isStranger: boolean): void {
    this.#step([accountId, before, kind], -1, isStranger)
    this.#step([accountId, after, kind], 1, isStranger)
  }

  /** Rows of `post_count` to add: post, likes, reposts, replies, quotes, views. */
  deltas(stored: readonly StoredTimes[]): number[][] {
    for (const { account_id, post_id, kind, times } of stored) {
      const known = this.#times.get(`${account_id}/${post_id}/${kind}`)
      if (known !== undefined) {
        known.before = times
      }
    }
    const deltas = new Map<number, number[]>()
    for (const { postId, kind, before, change } of this.#times.values()) {
      const delta = Number(before + change > 0) - Number(before > 0)
      if (delta !== 0) {
        const counts = deltas.get(postId) ?? [postId, 0, 0, 0, 0, 0]
        counts[kind + 1] = (counts[kind + 1] ?? 0) + delta
        deltas.set(postId, counts)
      }
    }
    return [...deltas.values()]
  }

  #step(
    [accountId, postId, kind]: [number, number | undefined, number],
    by: number,
    isStranger: boolean,
  ): void {
    if (postId === undefined) {
      return
    }
    const key = `${accountId}/${postId}/${kind}`
    const known = this.#times.get(key)
    if (known !== undefined) {
      known.change += by
      return
    }
    this.#times.set(key, { postId, kind, before: 0, change: by })
    if (!isStranger) {
      this.asked.push([accountId, postId, kind])
    }
  }
}
