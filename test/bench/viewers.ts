/** Pages for viewers beside pages for everybody, and what verifying a token costs. */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { WriteDatabase } from '../../src/db/database.ts'
import { openReader, openWriter } from '../../src/db/openDatabase.ts'
import { prepareRows } from '../../src/db/statements/rowsStatement.ts'
import { migrate } from '../../src/db/upgrade/migrate.ts'
import { createFeeds, prepareFilters } from '../../src/feeds/createFeeds.ts'
import type { Feed, PageViewer } from '../../src/feeds/feed.ts'
import { silentLogger } from '../../src/logger.ts'
import { authorOf, postUri } from '../../src/posts/postUri.ts'
import { systemClock } from '../../src/time.ts'
import { createVerifier } from '../../src/viewers/createVerifier.ts'
import { Identities } from '../../src/viewers/identities.ts'
import { feedOf } from '../support/definitions.ts'
import { did, fakeCid, tid } from '../support/events.ts'
import { createSigner, documentOf, serviceToken } from '../support/serviceTokens.ts'
import { median } from './measure.ts'

export interface ViewerTimes {
  /** Microseconds of a page, by what it is of. */
  readonly pages: Readonly<Record<string, number>>
  readonly verifyUs: Readonly<Record<string, number>>
}

const DAYS_US = 29 * 86_400_000_000
const AUTHORS = 100_000
const FOLLOWS = [3, 10, 100, 1_000, 10_000]
/** One post of so many has the rare tag too. */
const RARE = 10_000
const PAGES_A_ROUND = 5
const TOKENS = 200

export async function measureViewers(posts: number, rounds: number): Promise<ViewerTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-bench-'))
  try {
    const pages = await measurePages(`sqlite:${join(folder, 'viewers.db')}`, posts, rounds)
    return { pages, verifyUs: await measureTokens() }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measurePages(
  url: string,
  posts: number,
  rounds: number,
): Promise<Record<string, number>> {
  await using writer = await openWriter(url)
  await migrate(writer)
  const nowUs = systemClock()
  const clock = (): number => nowUs
  const definitions = [
    feedOf('recent'),
    feedOf('common', { order: 'following' }),
    feedOf('rare', { order: 'following' }),
  ]
  const filters = await prepareFilters(writer, definitions, { clock, logger: silentLogger() })
  await fill(writer, filters.ids, { posts, nowUs })
  await using reader = await openReader(url)
  const [recent, common, rare] = createFeeds({
    ...{ reader, definitions, filters, clock },
    retentionDays: 30,
  }) as [Feed, Feed, Feed]
  const hidden = new Set([1, 2, 3].map(did))
  const isHidden = (uri: string): boolean => hidden.has(authorOf(uri))
  const cases: [name: string, feed: Feed, viewer: () => PageViewer | undefined][] = [
    ['recent', recent, () => undefined],
    ['recent, less of three authors', recent, () => ({ isHidden })],
  ]
  for (const count of FOLLOWS) {
    // Another viewer at each page: nobody reads the same page again and again.
    const viewer = (): PageViewer => ({
      follows: new Set(Array.from({ length: count }, () => did(randomInt(AUTHORS)))),
    })
    cases.push([`common tag, ${count} follows`, common, viewer])
    cases.push([`rare tag, ${count} follows`, rare, viewer])
  }
  const times = new Map(cases.map(([name]) => [name, [] as number[]]))
  for (let round = 0; round < rounds * PAGES_A_ROUND; round += 1) {
    for (const [name, feed, viewerOf] of cases) {
      const viewer = viewerOf()
      const startedAt = performance.now()
      await feed.page({ limit: 50, cursor: undefined, viewer })
      times.get(name)?.push((performance.now() - startedAt) * 1_000)
    }
  }
  return Object.fromEntries([...times].map(([name, all]) => [name, Math.round(median(all))]))
}

/** Posts at equal distances; some authors post far more than others. */
async function fill(
  database: WriteDatabase,
  [recent, common, rare]: readonly number[],
  { posts, nowUs }: { readonly posts: number; readonly nowUs: number },
): Promise<void> {
  const filterPosts = prepareRows(
    database,
    { filter_id: 'integer', indexed_at: 'integer', cid: 'text', uri: 'text', post_id: 'integer' },
    (rows) => sql`insert into filter_post (filter_id, indexed_at, cid, uri, post_id)
      select filter_id, indexed_at, cid, uri, post_id from ${rows} as r`,
  )
  const authorPosts = prepareRows(
    database,
    { filter_id: 'integer', did: 'text', indexed_at: 'integer', cid: 'text', rkey: 'text' },
    (rows) => sql`insert into author_post (filter_id, did, indexed_at, cid, rkey)
      select filter_id, did, indexed_at, cid, rkey from ${rows} as r`,
  )
  const stepUs = Math.floor(DAYS_US / posts)
  for (let from = 0; from < posts; from += 5_000) {
    const members: unknown[][] = []
    const byAuthor: unknown[][] = []
    for (let id = from; id < Math.min(posts, from + 5_000); id += 1) {
      const at = nowUs - (posts - id) * stepUs
      const who = did(Math.floor((randomInt(1_000_000) / 1_000_000) ** 1.5 * AUTHORS))
      const [rkey, cid] = [tid(at, id % 1_000), fakeCid(id)]
      for (const filter of id % RARE === 0 ? [recent, common, rare] : [recent, common]) {
        members.push([filter, at, cid, postUri(who, rkey), id])
        if (filter !== recent) {
          byAuthor.push([filter, who, at, cid, rkey])
        }
      }
    }
    await database.transaction(async () => {
      await filterPosts.run(members)
      await authorPosts.run(byAuthor)
    })
  }
}

/** With a warm cache of keys, several at once as readers come. */
async function measureTokens(): Promise<Record<string, number>> {
  const result: Record<string, number> = {}
  for (const alg of ['ES256K', 'ES256'] as const) {
    const signer = createSigner(`did:plc:${'a'.repeat(24)}`, alg)
    const identities = new Identities({ resolve: () => Promise.resolve(documentOf(signer)) })
    const verify = createVerifier({ serviceDid: 'did:web:x', identities, clock: systemClock })
    const claims = { aud: 'did:web:x', lxm: 'app.bsky.feed.getFeedSkeleton' }
    const tokens = Array.from({ length: TOKENS }, () => `Bearer ${serviceToken(signer, claims)}`)
    await verify(tokens[0], claims.lxm)
    const startedAt = performance.now()
    await Promise.all(tokens.map((token) => verify(token, claims.lxm)))
    result[alg] = Math.round(((performance.now() - startedAt) * 1_000) / TOKENS)
  }
  return result
}
