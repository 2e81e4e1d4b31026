import { afterEach, describe, expect, test } from 'vitest'
import { prepareActivityReading } from '../../src/activity/activityStatements.ts'
import { Subscriptions } from '../../src/activity/subscriptions.ts'
import type { Subscriber, SubscriptionQuery } from '../../src/activity/subscriptions.ts'
import { createReadRecords } from '../../src/clients/readRecords.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { silentLogger } from '../../src/logger.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { moveAccounts } from '../support/moveAccounts.ts'
import { until } from '../support/until.ts'

const NOW = 1_800_000_000_000_000

class Reader implements Subscriber {
  readonly frames: { $type: string; error?: string; payload: Record<string, unknown> }[] = []
  isReady = true
  /** Takes so many, and then nothing until it is ready again. */
  takes = Infinity
  ended: string | undefined

  send(frame: string): void {
    this.frames.push(JSON.parse(frame) as Reader['frames'][number])
    this.takes -= 1
    if (this.takes <= 0) {
      this.isReady = false
    }
  }

  end(frame: string, reason: string): void {
    this.send(frame)
    this.ended = reason
  }

  get told(): string[] {
    return this.frames.map(({ $type, payload }) =>
      $type === 'error'
        ? $type
        : `${String(payload['$type']).split('#')[1] ?? ''} ${String(payload['uri'] ?? payload['did'] ?? payload['name'])}`,
    )
  }
}

async function openBench(database: TestDatabase, stack: AsyncDisposableStack) {
  const { writer, reader } = database
  const store = createRecordStore(writer)
  const target = { store, pinned: [], windowUs: 0 }
  const statements = prepareActivityReading(reader)
  const subscriptions = stack.use(
    new Subscriptions({
      statements,
      logger: silentLogger(),
      recordsOf: createReadRecords(reader),
    }),
  )
  let rev = 0
  const send = async (...ops: Operation[]): Promise<void> => {
    const position = { timeUs: NOW + rev, host: 'test', disorderUs: 0 }
    await storeBatch(target, { ops, position, lastEventUs: undefined }, NOW + rev)
    await moveAccounts(store, NOW)
  }
  const put = (rkey: string, tags: readonly string[], did = 'did:plc:a'): Operation => {
    rev += 1
    return {
      kind: 'putPost',
      ...{ did, rkey, rev: `3${String(rev).padStart(6, '0')}`, cid: `cid${rev}` },
      ...{ indexedAt: NOW - 1, timeUs: NOW + rev },
      record: { text: `of ${rkey}` },
      facts: tags.length === 0 ? undefined : { tags, media: 0, languages: [], labels: [] },
    }
  }
  const account = (active: boolean, status?: string, did = 'did:plc:a'): Operation => {
    rev += 1
    const time = NOW + rev
    return { kind: 'setAccount', did, active, status, timeUs: time, toldUs: time, time }
  }
  const follow = async (query: Partial<SubscriptionQuery> = {}, reader_ = new Reader()) => {
    const end = await subscriptions.begin(
      { tags: [], match: 'any', cursor: undefined, ...query },
      reader_,
    )
    return Object.assign(reader_, { leave: end })
  }
  return { send, put, account, follow, store }
}

describe.each(engines)('subscriptions on $name', { timeout: 60_000 }, ({ open }) => {
  let stack = new AsyncDisposableStack()
  afterEach(async () => {
    await stack.disposeAsync()
    stack = new AsyncDisposableStack()
  })

  test('give each reader all that concerns it once, however it takes it', async () => {
    const database = stack.use(await open())
    const { send, put, account, follow } = await openBench(database, stack)
    const live = await follow()
    const art = await follow({ tags: ['art'] })
    const slow = await follow()
    slow.takes = 3
    await send(put('x', ['dogs'], 'did:plc:b'))
    await until(() => live.frames.length === 1 && slow.frames.length === 1)
    for (let step = 0; step < 300; step += 1) {
      await send(put(`r${step}`, step % 3 === 0 ? ['art', 'ink'] : ['cats']))
      if (step % 40 === 7) {
        await send(account(step % 80 !== 7, undefined, 'did:plc:b'))
      }
    }
    await until(() => live.frames.length >= 300)
    const late = await follow({ cursor: 0 })
    const lateArt = await follow({ cursor: 0, tags: ['ink', 'art'], match: 'all' })
    await until(() => {
      slow.takes = 40
      slow.isReady = true
      const whole = live.frames.length
      return (
        slow.frames.length === whole &&
        late.frames.length >= 300 &&
        art.frames.length > 100 &&
        lateArt.frames.length > 100
      )
    })
    expect(slow.told).toEqual(live.told)
    const isOfAccount = (line: string): boolean => line.startsWith('account')
    const seqs = live.frames.map(({ payload }) => Number(payload['seq']))
    expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b))
    expect(art.frames).toEqual(
      live.frames.filter(
        ({ payload }, index) =>
          isOfAccount(live.told[index] ?? '') || (payload['tags'] as string[]).includes('art'),
      ),
    )
    expect(lateArt.told.filter((line) => !isOfAccount(line))).toEqual(
      late.frames
        .filter(({ payload }) => (payload['tags'] as string[] | undefined)?.includes('ink'))
        .map(({ payload }) => `create ${String(payload['uri'])}`),
    )
    const [first] = live.frames
    expect(first?.payload['record']).toEqual({ text: 'of x' })
  })

  test('say nothing of hidden accounts but that they are, and of erased ones their deletes', async () => {
    const database = stack.use(await open())
    const { send, put, account, follow } = await openBench(database, stack)
    const live = await follow()
    await send(put('r1', ['art']))
    await until(() => live.frames.length === 1)
    await send(account(false, 'takendown'), put('r2', ['art']))
    await until(() => live.frames.length === 2)
    await send(account(false, 'deleted'))
    await until(() => live.frames.length === 5)
    const uri = (rkey: string): string => `at://did:plc:a/app.bsky.feed.post/${rkey}`
    const gone = [`account did:plc:a`, `delete ${uri('r1')}`, `delete ${uri('r2')}`]
    expect(live.told.toSorted()).toEqual(
      [`create ${uri('r1')}`, 'account did:plc:a', ...gone].toSorted(),
    )
    const late = await follow({ cursor: 0 })
    await until(() => late.frames.length === 4)
    expect(late.told.toSorted()).toEqual(['account did:plc:a', ...gone].toSorted())
  })

  test('begin with the oldest after a word about it, and refuse what is yet to come', async () => {
    const database = stack.use(await open())
    const { send, put, follow, store } = await openBench(database, stack)
    await send(put('r1', ['art']), put('r2', ['art']))
    await send(put('r3', ['art']))
    await store.write({ nowUs: NOW }, () => store.activity.dropOld(NOW * 2, 2))
    const uri = 'at://did:plc:a/app.bsky.feed.post/r3'
    const old = await follow({ cursor: 1 })
    await until(() => old.frames.length === 2)
    expect(old.told).toEqual(['info OutdatedCursor', `create ${uri}`])
    const exact = await follow({ cursor: 2 })
    await until(() => exact.frames.length === 1)
    expect(exact.told).toEqual([`create ${uri}`])
    const future = await follow({ cursor: 4 })
    expect([future.told, future.ended]).toEqual([['error'], 'FutureCursor'])
    expect((await follow({ cursor: 3 })).ended).toBeUndefined()
  })
})
