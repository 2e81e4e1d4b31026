import { setImmediate as nextTurn } from 'node:timers/promises'
import { sql } from 'kysely'
import type { ReadDatabase, Statement } from '../../db/database.ts'
import { isAuthorShown } from '../../posts/isAuthorShown.ts'
import type { PostFilter } from '../../posts/postFilter.ts'
import { createMatcher } from '../../posts/postMatcher.ts'
import { authorOf } from '../../posts/postUri.ts'
import { unpackFacts } from '../../posts/storedFacts.ts'
import type { StoredFacts } from '../../posts/storedFacts.ts'
import { tagKey } from '../../posts/tagKey.ts'
import { US_PER_DAY } from '../../time.ts'
import type { Clock, Us } from '../../time.ts'

/** What a filter would have let through. */
export interface Trial {
  /** The newest posts, newest first. */
  readonly posts: readonly { readonly uri: string; readonly indexedAt: Us }[]
  /** Posts of the last day. */
  readonly lastDay: number
  /** Tags that its posts of the last day carry beside its own, with the number of posts. */
  readonly beside: readonly (readonly [tag: string, posts: number])[]
  /** False: there was no time to look at all posts, so that there may be more. */
  readonly isWhole: boolean
}

export type TryFilter = (filter: PostFilter) => Promise<Trial>

const SHOWN_POSTS = 25
const SHOWN_BESIDE = 12
const MAX_CANDIDATES = 20_000
const MAX_MS = 700
const STEP = 250

interface Place {
  readonly indexedAt: number
  readonly cid: string
  readonly uri: string
}

type Args = Place & { readonly tag: string; readonly oldest: number }
type Row = StoredFacts & { readonly indexed_at: number; readonly cid: string; readonly uri: string }

/** Tries filters on the stored posts: nothing is stored, and the work is bounded. */
export function createTryFilter(
  reader: ReadDatabase,
  { retentionDays, clock }: { readonly retentionDays: number; readonly clock: Clock },
): TryFilter {
  const statement: Statement<Args, Row> = reader.prepare(
    (
      parameter,
    ) => sql<Row>`select t.indexed_at, t.cid, t.uri, p.tags, p.media, p.languages, p.labels
      from post_tag as t cross join post as p
      where t.tag = ${parameter('tag')} and (t.indexed_at, t.cid, t.uri) <
          (${parameter('indexedAt')}, ${parameter('cid')}, ${parameter('uri')})
        and t.indexed_at >= ${parameter('oldest')} and ${isAuthorShown(sql`t.uri`)}
        and p.id = t.post_id
      order by t.tag desc, t.indexed_at desc, t.cid desc, t.uri desc limit ${sql.lit(STEP)}`,
  )
  return async (filter) => {
    const nowUs = clock()
    const dayAgo = nowUs - US_PER_DAY
    const oldest = Math.ceil(nowUs - retentionDays * US_PER_DAY)
    const matches = createMatcher(filter)
    const tags = filter.anyTags.length > 0 ? filter.anyTags : filter.allTags.slice(0, 1)
    const endsAt = performance.now() + MAX_MS
    const found = new Map<string, Row>()
    let isWhole = true
    for (const tag of tags) {
      let place: Place = { indexedAt: Number.MAX_SAFE_INTEGER, cid: '', uri: '' }
      let looked = 0
      let matched = 0
      for (;;) {
        if (performance.now() >= endsAt || looked >= MAX_CANDIDATES / tags.length) {
          isWhole = false
          break
        }
        const rows = await statement.all({ tag: tagKey(tag), oldest, ...place })
        for (const row of rows) {
          const facts = unpackFacts(row)
          if (facts !== undefined && matches(authorOf(row.uri), facts)) {
            found.set(row.uri, row)
            matched += 1
          }
        }
        looked += rows.length
        const last = rows.at(-1)
        const isEnough = matched >= SHOWN_POSTS && (last?.indexed_at ?? 0) < dayAgo
        if (last === undefined || rows.length < STEP || isEnough) {
          break
        }
        place = { indexedAt: last.indexed_at, cid: last.cid, uri: last.uri }
        // Readers have their turn.
        await nextTurn()
      }
    }
    const rows = [...found.values()].sort(newestFirst)
    const ofDay = rows.filter(({ indexed_at }) => indexed_at >= dayAgo)
    return {
      posts: rows
        .slice(0, SHOWN_POSTS)
        .map(({ uri, indexed_at: indexedAt }) => ({ uri, indexedAt })),
      lastDay: ofDay.length,
      beside: countBeside(ofDay, filter),
      isWhole,
    }
  }
}

function newestFirst(a: Row, b: Row): number {
  return b.indexed_at - a.indexed_at || compare(b.cid, a.cid) || compare(b.uri, a.uri)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

function countBeside(rows: readonly Row[], { anyTags, allTags }: PostFilter): [string, number][] {
  const own = new Set([...anyTags, ...allTags])
  const counts = new Map<string, number>()
  for (const row of rows) {
    for (const tag of unpackFacts(row)?.tags ?? []) {
      if (!own.has(tag)) {
        counts.set(tag, (counts.get(tag) ?? 0) + 1)
      }
    }
  }
  return [...counts].sort(([, a], [, b]) => b - a).slice(0, SHOWN_BESIDE)
}
