import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Engagement, Operation, SetAccount } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { registerFilters } from '../../src/posts/filters.ts'
import { US_PER_HOUR } from '../../src/time.ts'
import { isActiveByModel } from '../support/accountModel.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { filterOf } from '../support/definitions.ts'
import { moveAccounts } from '../support/moveAccounts.ts'

const NOW = 1_800_000_000_000_000
const facts = { tags: ['art'], media: 0, languages: [], labels: [] }
const AUTHORS = ['did:plc:a', 'did:plc:b']
const FANS = ['did:plc:x', 'did:plc:y', 'did:plc:a']
const POSTS = AUTHORS.flatMap((did) => ['p1', 'p2'].map((rkey) => ({ did, rkey })))

/** Posts that are there before anything is done for them, so that all of it counts. */
const posts: Operation[] = POSTS.map(({ did, rkey }) => ({
  kind: 'putPost',
  did,
  rkey,
  rev: '3a',
  cid: `cid${rkey}`,
  indexedAt: NOW - 5,
  timeUs: 1,
  facts,
}))

const fan = fc.constantFrom(...FANS)
const rkey = fc.constantFrom('e1', 'e2')
const rev = fc.constantFrom('3b', '3c', '3d', '3e')
const post = fc.constantFrom(...POSTS, undefined)
const timeUs = fc.constantFrom(2, 4, 6)
const mark = fc.constantFrom('like' as const, 'repost' as const)
const kindOf = <K extends Engagement['kind']>(
  kind: K,
  subject: (typeof POSTS)[number] | undefined,
) => subject && { kind, ...subject }

const putMark = fc
  .record({ did: fan, rkey, rev, mark, subject: post, timeUs })
  .map(({ subject, ...op }) => {
    const own = subject?.did === op.did
    const engagement = own ? undefined : kindOf(op.mark, subject)
    return { kind: 'putMark' as const, ...op, engagement }
  })
const deleteMark = fc.record({
  kind: fc.constant('deleteMark' as const),
  did: fan,
  rkey,
  rev,
  mark,
})
const reply = fc
  .record({ did: fan, rkey: fc.constantFrom('r1', 'r2'), rev, root: post, quoted: post, timeUs })
  .map(({ root, quoted, ...op }) => ({
    kind: 'putPost' as const,
    ...op,
    cid: 'cidr',
    indexedAt: NOW - 1,
    facts: undefined,
    engages: [kindOf('reply', root), kindOf('quote', quoted)].filter(
      (engagement) => engagement !== undefined && engagement.did !== op.did,
    ) as Engagement[],
  }))
const deleteReply = fc.record({
  kind: fc.constant('deletePost' as const),
  did: fan,
  rkey: fc.constantFrom('r1', 'r2'),
  rev,
})
const account = fc.record({
  kind: fc.constant('setAccount' as const),
  did: fan,
  active: fc.boolean(),
  status: fc.constantFrom(undefined, 'deactivated'),
  timeUs: fc.constantFrom(3, 5),
  toldUs: fc.nat(6),
  time: fc.nat(6),
})
const streams = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: putMark },
    { weight: 2, arbitrary: deleteMark },
    { weight: 4, arbitrary: reply },
    deleteReply,
    account,
  ),
  { maxLength: 30 },
)

/** Distinct visible accounts, from the records as they are now: nothing is added or taken away. */
function countByModel(ops: readonly Operation[]): Record<string, number> {
  const records = new Map<string, { rev: string; did: string; engages: readonly Engagement[] }>()
  const accounts = new Map<string, SetAccount[]>()
  for (const op of ops) {
    if (op.kind === 'setAccount') {
      accounts.set(op.did, [...(accounts.get(op.did) ?? []), op])
      continue
    }
    const collection = 'mark' in op ? op.mark : 'post'
    const key = `${op.did}/${collection}/${op.rkey}`
    const before = records.get(key)
    const isDelete = op.kind === 'deleteMark' || op.kind === 'deletePost'
    if (before === undefined || op.rev > before.rev || (isDelete && op.rev === before.rev)) {
      const own = op.kind === 'putMark' ? [op.engagement] : []
      const engages = op.kind === 'putPost' ? (op.engages ?? []) : own
      records.set(key, {
        rev: op.rev,
        did: op.did,
        engages: engages.filter((engagement) => engagement !== undefined),
      })
    }
  }
  const engaged = new Set<string>()
  for (const { did, engages } of records.values()) {
    for (const { kind, did: author, rkey: subject } of engages) {
      if (isActiveByModel(accounts.get(did) ?? [])) {
        engaged.add(`${author}/${subject} ${kind} ${did}`)
      }
    }
  }
  const counts: Record<string, number> = {}
  for (const entry of engaged) {
    const key = entry.split(' ').slice(0, 2).join(' ')
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

async function countsIn({ reader }: TestDatabase): Promise<Record<string, number>> {
  const rows = await reader.kysely
    .selectFrom('post_count')
    .innerJoin('post', 'post.id', 'post_count.post_id')
    .innerJoin('account', 'account.id', 'post.account_id')
    .select(['did', 'rkey', 'likes', 'reposts', 'replies', 'quotes'])
    .execute()
  return Object.fromEntries(
    rows.flatMap(({ did, rkey: subject, likes, reposts, replies, quotes }) =>
      Object.entries({ like: likes, repost: reposts, reply: replies, quote: quotes })
        .filter(([, count]) => count !== 0)
        .map(([kind, count]) => [`${did}/${subject} ${kind}`, count] as const),
    ),
  )
}

async function openStore(database: TestDatabase) {
  await registerFilters(database.writer, [filterOf({ anyTags: ['art'] })], NOW)
  const store = createRecordStore(database.writer)
  const windowUs = 72 * US_PER_HOUR
  return async (...ops: readonly Operation[]): Promise<void> => {
    await storeBatch(
      { store, pinned: [], windowUs },
      { ops, position: undefined, lastEventUs: undefined },
      NOW,
    )
    await moveAccounts(store, NOW)
  }
}

describe.each(engines)('engagement on $name', { timeout: 120_000 }, ({ open }) => {
  test('is counted as the records say, in one batch, in several, and twice', async () => {
    await fc.assert(
      fc.asyncProperty(streams, fc.nat(30), fc.nat(30), async (ops, cut, again) => {
        const expected = countByModel(ops)
        await using database = await open()
        const store = await openStore(database)
        await store(...posts)
        await store(...ops.slice(0, cut))
        await store(...ops.slice(cut))
        expect(await countsIn(database)).toEqual(expected)
        // A replay changes nothing, not even half-way.
        const replay = ops.slice(0, again)
        await store(...replay)
        expect(await countsIn(database)).toEqual(countByModel([...ops, ...replay]))
        await store(...ops)
        expect(await countsIn(database)).toEqual(countByModel([...ops, ...replay, ...ops]))
      }),
      { numRuns: 60 },
    )
  })

  test('of an account that is erased is gone for good, and what comes later counts', async () => {
    await using database = await open()
    const store = await openStore(database)
    const like = {
      kind: 'putMark' as const,
      mark: 'like' as const,
      did: 'did:plc:x',
      rkey: 'e1',
      rev: '3b',
      timeUs: 2,
      engagement: { kind: 'like' as const, did: 'did:plc:a', rkey: 'p1' },
    }
    await store(...posts, like)
    expect(await countsIn(database)).toEqual({ 'did:plc:a/p1 like': 1 })
    const account = { kind: 'setAccount' as const, did: 'did:plc:x', time: 5, toldUs: 5, timeUs: 5 }
    await store({ ...account, active: false, status: 'deleted' })
    expect(await countsIn(database)).toEqual({})
    await store({ ...account, time: 6, toldUs: 6, timeUs: 6, active: true, status: undefined })
    // Repeated after all that, or by a host with another clock.
    await store({ ...like, timeUs: 7 })
    expect(await countsIn(database)).toEqual({})
    await store(like)
    expect(await countsIn(database)).toEqual({})
    await store({ ...like, rkey: 'e2', rev: '3f', timeUs: 7 })
    expect(await countsIn(database)).toEqual({ 'did:plc:a/p1 like': 1 })
  })

  test('begins again with a post that is deleted and created again', async () => {
    await using database = await open()
    const store = await openStore(database)
    const subject = { did: 'did:plc:a', rkey: 'p1' }
    const like = (rkey: string, rev: string): Operation => ({
      kind: 'putMark',
      mark: 'like',
      did: 'did:plc:x',
      rkey,
      rev,
      timeUs: 2,
      engagement: { kind: 'like', ...subject },
    })
    await store(...posts, like('e1', '3b'))
    await store({ kind: 'deletePost', ...subject, rev: '3b' })
    await store({ ...(posts[0] as Operation & { kind: 'putPost' }), rev: '3c' })
    expect(await countsIn(database)).toEqual({})
    await store({ kind: 'deleteMark', mark: 'like', did: 'did:plc:x', rkey: 'e1', rev: '3d' })
    expect(await countsIn(database)).toEqual({})
    await store(like('e2', '3e'))
    expect(await countsIn(database)).toEqual({ 'did:plc:a/p1 like': 1 })
  })

  test.each([
    ['in one batch', (like: Operation, update: Operation) => [[like, update]]],
    ['before it was ever seen', (_like: Operation, update: Operation) => [[update]]],
    ['in a batch of its own', (like: Operation, update: Operation) => [[like], [update]]],
  ])('that an update took away %s does not come back with an older frame', async (_, batches) => {
    await using database = await open()
    const store = await openStore(database)
    const mark = { kind: 'putMark' as const, mark: 'like' as const, did: 'did:plc:x', rkey: 'e1' }
    const engagement = { kind: 'like' as const, did: 'did:plc:a', rkey: 'p1' }
    const like = { ...mark, rev: '3b', timeUs: 2, engagement }
    await store(...posts)
    for (const batch of batches(like, { ...mark, rev: '3c', timeUs: 3, engagement: undefined })) {
      await store(...batch)
    }
    await store(like)
    expect(await countsIn(database)).toEqual({})
  })
})
