import type { WriteDatabase } from '../../db/database.ts'
import { loadFilters } from '../../posts/filters.ts'
import type { StoredFilter } from '../../posts/filters.ts'
import { authorOf, rkeyOf } from '../../posts/postUri.ts'
import { US_PER_HOUR } from '../../time.ts'
import type { KeepTag } from '../events/projectEvent.ts'
import { deriveRows } from './derivedRows.ts'
import type { VisiblePost } from './derivedRows.ts'
import type { Statements, TagRow } from './statements.ts'

const everyTag: KeepTag = () => true

/** The rows under which visible posts are found. Every method runs inside the transaction of its caller. */
export class DerivedStore {
  readonly #database: WriteDatabase
  readonly #statements: Statements
  readonly #keepTag: KeepTag
  #filters: readonly StoredFilter[] = []
  #filterVersion = ''

  constructor(database: WriteDatabase, statements: Statements, keepTag: KeepTag) {
    this.#database = database
    this.#statements = statements
    this.#keepTag = keepTag
  }

  /** Sees filters that another process has added: from this transaction on their rows are kept. */
  async refreshFilters(): Promise<void> {
    const [row] = await this.#statements.filterVersion.all({})
    const version = row?.version ?? ''
    if (version !== this.#filterVersion) {
      this.#filters = await loadFilters(this.#database)
      this.#filterVersion = version
    }
  }

  async add(posts: readonly VisiblePost[]): Promise<void> {
    const { tags, filters, authors } = deriveRows(posts, this.#filters, this.#keepTag)
    await this.#count(await this.#statements.insertTags.all(tags), 1)
    await this.#statements.insertFilterPosts.run(filters)
    await this.#statements.insertAuthorPosts.run(authors)
  }

  async remove(posts: readonly VisiblePost[]): Promise<void> {
    // A tag may have been looked up when the post came and not be any more: all its rows go.
    const { tags, filters, authors } = deriveRows(posts, this.#filters, everyTag)
    await this.#count(await this.#statements.deleteTags.all(tags.map((row) => row.slice(0, 4))), -1)
    await this.#statements.deleteFilterPosts.run(filters.map((row) => row.slice(0, 4)))
    await this.#statements.deleteAuthorPosts.run(authors)
  }

  /** Drops rows of one filter, which no feed uses any more. */
  async dropFilterPosts(
    filterId: number,
    keys: readonly { indexed_at: number; cid: string; uri: string }[],
  ): Promise<void> {
    await this.#statements.deleteFilterPosts.run(
      keys.map(({ indexed_at, cid, uri }) => [filterId, indexed_at, cid, uri]),
    )
    await this.#statements.deleteAuthorPosts.run(
      keys.map(({ indexed_at, cid, uri }) => [
        filterId,
        authorOf(uri),
        indexed_at,
        cid,
        rkeyOf(uri),
      ]),
    )
  }

  /** Follows what has really come or gone: rows are put and taken away that are there, or are not. */
  async #count(rows: readonly TagRow[], change: 1 | -1): Promise<void> {
    const hours = new Map<string, [hour: number, tag: string, posts: number]>()
    for (const { tag, indexed_at } of rows) {
      const hour = Math.floor(indexed_at / US_PER_HOUR)
      const key = `${hour} ${tag}`
      const entry = hours.get(key)
      if (entry === undefined) {
        hours.set(key, [hour, tag, change])
      } else {
        entry[2] += change
      }
    }
    await this.#statements.addToHours.run([...hours.values()])
    if (change < 0) {
      await this.#statements.dropEmptyHours.run([...hours.values()].map((row) => row.slice(0, 2)))
    }
  }
}
