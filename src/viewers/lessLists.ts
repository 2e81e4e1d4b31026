/**
 * What viewers asked to see less of: single posts, and after the third of one author all of that author's.
 * Nearly nobody has asked for less: who has is known in memory, so that nobody else costs a query.
 */
import type { ReadDatabase } from '../db/database.ts'
import type { SmallWrites } from '../db/smallWrites.ts'
import { authorOf } from '../posts/postUri.ts'
import { US_PER_DAY, US_PER_SECOND } from '../time.ts'
import type { Clock, Us } from '../time.ts'
import { prepareViewerStatements } from './viewerStatements.ts'
import type { ViewerStatements } from './viewerStatements.ts'

export interface LessListsOptions {
  readonly reader: ReadDatabase
  readonly writes: SmallWrites
  readonly clock: Clock
}

const KEPT_US = 30 * US_PER_DAY
/** So many posts of one author stand for all of them. */
const ENOUGH = 3
const REFRESH_MS = 2_000
/** Clocks of machines differ, and a write takes its time until it can be read. */
const OVERLAP_US = 60 * US_PER_SECOND

export class LessLists implements Disposable {
  readonly #options: LessListsOptions
  readonly #statements: ViewerStatements
  readonly #viewers = new Set<string>()
  #seenUs: Us = 0
  readonly #timer: NodeJS.Timeout

  constructor(options: LessListsOptions) {
    this.#options = options
    this.#statements = prepareViewerStatements(options.reader)
    this.#timer = setInterval(() => void this.refresh().catch(() => {}), REFRESH_MS).unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  /** Sees what other processes have written. */
  async refresh(): Promise<void> {
    const rows = await this.#statements.lessSince.all({ sinceUs: this.#seenUs - OVERLAP_US })
    for (const { viewer, asked_us } of rows) {
      this.#viewers.add(viewer)
      this.#seenUs = Math.max(this.#seenUs, asked_us)
    }
  }

  get isEmpty(): boolean {
    return this.#viewers.size === 0
  }

  /** Whether somebody may have asked for less of something; no is certain, but for the last seconds. */
  mayHave(did: string): boolean {
    return this.#viewers.has(did)
  }

  /** Whether a post is one of which somebody asked to see less; undefined when there is none at all. */
  async find(did: string): Promise<((uri: string) => boolean) | undefined> {
    if (!this.#viewers.has(did)) {
      return undefined
    }
    const rows = await this.#statements.less.all({ did, nowUs: this.#options.clock() })
    const posts = new Set(rows.map(({ uri }) => uri))
    const authors = new Set<string>()
    const times = new Map<string, number>()
    for (const uri of posts) {
      const author = authorOf(uri)
      const count = (times.get(author) ?? 0) + 1
      times.set(author, count)
      if (count >= ENOUGH) {
        authors.add(author)
      }
    }
    return posts.size === 0
      ? undefined
      : (uri) => posts.has(uri) || (authors.size > 0 && authors.has(authorOf(uri)))
  }

  /** A post is not shown for 30 days; nor are others of its author, when it is the third. */
  async ask(viewer: string, uri: string): Promise<void> {
    const nowUs = this.#options.clock()
    const untilUs = nowUs + KEPT_US
    const [first, end] = rangeOf(uri)
    await this.#options.writes.write(async ({ kysely }) => {
      await kysely
        .insertInto('less')
        .values({ viewer, uri, asked_us: nowUs, until_us: untilUs })
        .onConflict((conflict) => conflict.columns(['viewer', 'uri']).doNothing())
        .execute()
      const rows = await kysely
        .selectFrom('less')
        .select('uri')
        .where('viewer', '=', viewer)
        .where('until_us', '>', nowUs)
        .where('uri', '>=', first)
        .where('uri', '<', end)
        .execute()
      if (rows.length >= ENOUGH) {
        // The author is hidden from the last of them on.
        await kysely
          .updateTable('less')
          .set({ until_us: untilUs })
          .where('viewer', '=', viewer)
          .where('until_us', '>', nowUs)
          .where('uri', '>=', first)
          .where('uri', '<', end)
          .execute()
      }
    })
    this.#viewers.add(viewer)
  }

  /** Takes back the newest that was asked for of the author of a post. */
  async takeBack(viewer: string, uri: string): Promise<void> {
    const [first, end] = rangeOf(uri)
    await this.#options.writes.write(async ({ kysely }) => {
      const newest = await kysely
        .selectFrom('less')
        .select('uri')
        .where('viewer', '=', viewer)
        .where('uri', '>=', first)
        .where('uri', '<', end)
        .orderBy('asked_us', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (newest !== undefined) {
        await kysely
          .deleteFrom('less')
          .where('viewer', '=', viewer)
          .where('uri', '=', newest.uri)
          .execute()
      }
    })
  }
}

/** At-uris of the author of a post are between the two; `0` comes after the slash. */
function rangeOf(uri: string): [first: string, end: string] {
  const author = authorOf(uri)
  return [`at://${author}/`, `at://${author}0`]
}
