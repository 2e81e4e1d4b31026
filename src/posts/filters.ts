import { setImmediate as nextTurn } from 'node:timers/promises'
import { sql } from 'kysely'
import type { ReadDatabase, WriteDatabase } from '../db/database.ts'
import type { Us } from '../time.ts'
import { FeedFilters } from './feedFilters.ts'
import { hashFilter } from './hashFilter.ts'
import type { PostFilter } from './postFilter.ts'
import { createMatcher } from './postMatcher.ts'
import type { PostMatcher } from './postMatcher.ts'
import { rkeyOf } from './postUri.ts'
import { unpackFacts } from './storedFacts.ts'
import { tagKey } from './tagKey.ts'

/** A filter whose posts the store keeps ready. */
export interface StoredFilter {
  readonly id: number
  /** Its posts are kept by their authors too. */
  readonly isByAuthor: boolean
  readonly matches: PostMatcher
}

/** All filters in the database, those still being built too: their rows are kept current already. */
export async function loadFilters(database: ReadDatabase): Promise<StoredFilter[]> {
  const rows = await database.kysely.selectFrom('filter').select(['id', 'definition']).execute()
  return rows.map(({ id, definition }) => {
    const filter = JSON.parse(definition) as PostFilter
    return { id, isByAuthor: filter.byAuthor === true, matches: createMatcher(filter) }
  })
}

/**
 * The filters that are in the database with all their posts, in the same order; undefined when one is
 * not.
 */
export async function findFilters(
  database: ReadDatabase,
  filters: readonly PostFilter[],
): Promise<FeedFilters | undefined> {
  const ids = []
  for (const filter of filters) {
    const row = await database.kysely
      .selectFrom('filter')
      .select('id')
      .where('hash', '=', hashFilter(filter))
      .where('ready', '=', 1)
      .executeTakeFirst()
    ids.push(row?.id)
  }
  const found = ids.filter((id) => id !== undefined)
  return found.length === ids.length ? new FeedFilters(found) : undefined
}

/**
 * Makes sure that each filter has a row, and says which ids they have, in the same order. Alone: every
 * batch that is stored later keeps the rows of these filters.
 */
export function registerFilters(
  database: WriteDatabase,
  filters: readonly PostFilter[],
  nowUs: Us,
): Promise<{ id: number; filter: PostFilter; ready: boolean }[]> {
  return database.transaction(async () => {
    const registered = []
    const used_us = await usedUs(database, nowUs)
    for (const filter of filters) {
      const row = await database.kysely
        .insertInto('filter')
        .values({
          hash: hashFilter(filter),
          definition: JSON.stringify(filter),
          ready: 0,
          used_us,
        })
        .onConflict((conflict) => conflict.column('hash').doUpdateSet({ used_us }))
        .returning(['id', 'ready'])
        .executeTakeFirstOrThrow()
      registered.push({ id: row.id, filter, ready: row.ready === 1 })
    }
    return registered
  }, 'alone')
}

/** A filter is used now by our clock and by the stream: it is dropped by the earlier of the two. */
export async function usedUs(database: ReadDatabase, nowUs: Us): Promise<Us> {
  const position = await database.kysely
    .selectFrom('ingest_position')
    .select('time_us')
    .executeTakeFirst()
  return Math.max(nowUs, position?.time_us ?? nowUs)
}

const BUILD_STEP = 1_000

/**
 * Looks at all stored posts for a filter that has none yet. The posts of one of its tags are read in
 * steps, each a transaction of its own, so that it can stop anywhere and go on at the next start.
 */
export async function buildFilter(
  database: WriteDatabase,
  filterId: number,
  filter: PostFilter,
  signal?: AbortSignal,
): Promise<number> {
  const matches = createMatcher(filter)
  const tags = filter.anyTags.length > 0 ? filter.anyTags : filter.allTags.slice(0, 1)
  let found = 0
  for (const tag of tags) {
    let after: TagKey | undefined
    do {
      const place = after
      // Alone: a post that is read here is not deleted before its row is written.
      const step = await database.transaction(async () => {
        const rows = await readTaggedPosts(database, tag, place)
        const members = rows.filter((row) => {
          const facts = unpackFacts(row)
          return facts !== undefined && matches(row.did, facts)
        })
        await insertMembers(database, filterId, members)
        if (filter.byAuthor === true) {
          await insertAuthorPosts(database, filterId, members)
        }
        return { found: members.length, last: rows.length < BUILD_STEP ? undefined : rows.at(-1) }
      }, 'alone')
      found += step.found
      after = step.last
      // SQLite answers at once: without this pause no signal would ever be heard.
      await nextTurn()
      signal?.throwIfAborted()
    } while (after !== undefined)
  }
  await database.kysely.updateTable('filter').set({ ready: 1 }).where('id', '=', filterId).execute()
  return found
}

interface TagKey {
  readonly indexed_at: number
  readonly cid: string
  readonly uri: string
}

function readTaggedPosts(database: ReadDatabase, tag: string, after: TagKey | undefined) {
  let query = database.kysely
    .selectFrom('post_tag')
    .innerJoin('post', 'post.id', 'post_tag.post_id')
    .innerJoin('account', 'account.id', 'post.account_id')
    .select(['post_tag.indexed_at', 'post_tag.cid', 'post_tag.uri', 'post_tag.post_id'])
    .select(['account.did', 'post.tags', 'post.media', 'post.languages', 'post.labels'])
    .where('post_tag.tag', '=', tagKey(tag))
  if (after !== undefined) {
    query = query.where(
      sql<boolean>`(post_tag.indexed_at, post_tag.cid, post_tag.uri) < (${after.indexed_at}, ${after.cid}, ${after.uri})`,
    )
  }
  return query
    .orderBy('post_tag.indexed_at', 'desc')
    .orderBy('post_tag.cid', 'desc')
    .orderBy('post_tag.uri', 'desc')
    .limit(BUILD_STEP)
    .execute()
}

async function insertMembers(
  database: WriteDatabase,
  filterId: number,
  members: readonly (TagKey & { readonly post_id: number })[],
): Promise<void> {
  if (members.length === 0) {
    return
  }
  await database.kysely
    .insertInto('filter_post')
    .values(
      members.map(({ indexed_at, cid, uri, post_id }) => ({
        filter_id: filterId,
        indexed_at,
        cid,
        uri,
        post_id,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

async function insertAuthorPosts(
  database: WriteDatabase,
  filterId: number,
  members: readonly (TagKey & { readonly did: string })[],
): Promise<void> {
  if (members.length === 0) {
    return
  }
  await database.kysely
    .insertInto('author_post')
    .values(
      members.map(({ did, indexed_at, cid, uri }) => {
        return { filter_id: filterId, did, indexed_at, cid, rkey: rkeyOf(uri) }
      }),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}
