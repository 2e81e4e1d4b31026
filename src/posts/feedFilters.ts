/**
 * The ids of the filters of the feeds, in the order of the feeds. Where the store has lost filters, after
 * a fail-over, they are made anew with other ids: whoever needs one asks for it each time.
 */
export class FeedFilters {
  #ids: readonly number[]

  constructor(ids: readonly number[]) {
    this.#ids = ids
  }

  get ids(): readonly number[] {
    return this.#ids
  }

  /** The id of the filter of the feed at a place. */
  at(index: number): number {
    const id = this.#ids[index]
    if (id === undefined) {
      throw new Error(`there is no filter of feed ${index}`)
    }
    return id
  }

  replace({ ids }: FeedFilters): void {
    this.#ids = ids
  }
}
