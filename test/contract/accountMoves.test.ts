import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { AccountMover } from '../../src/ingest/upkeep/accountMover.ts'
import { US_PER_HOUR } from '../../src/time.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { feedOf } from '../support/definitions.ts'
import { openFeedBench } from '../support/feedBench.ts'
import { moveAccounts } from '../support/moveAccounts.ts'
import { contents } from '../support/storeContents.ts'

const NOW = 1_800_000_000_000_000
const clock = (): number => NOW
const facts = { tags: ['art'], media: 0, languages: [], labels: [] }
const DIDS = ['did:plc:a', 'did:plc:ab', 'did:plc:b']
const RKEYS = ['r1', 'r2', 'r3', 'r4', 'r5']

const did = fc.constantFrom(...DIDS)
const rkey = fc.constantFrom(...RKEYS)
/** What happens, in the order of the stream: revisions and times rise. */
const happenings = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ what: fc.constant('post'), did, rkey, isTagged: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('gone'), did, rkey }) },
    {
      weight: 4,
      arbitrary: fc.record({ what: fc.constant('like'), did, rkey, author: did, to: rkey }),
    },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('unlike'), did, rkey }) },
    {
      weight: 4,
      arbitrary: fc.record({
        what: fc.constantFrom('show', 'deactivated', 'takendown', 'deleted'),
        did,
      }),
    },
  ),
  { maxLength: 30 },
)
type Happening = {
  what: string
  did: string
  rkey?: string
  isTagged?: boolean
  author?: string
  to?: string
}

function toOp(happening: Happening, index: number): Operation {
  const { what, did: owner, rkey: key = '', isTagged, author = '', to = '' } = happening
  const timeUs = index + 1
  const rev = `3${String(index).padStart(3, '0')}`
  const record = { did: owner, rkey: key, rev }
  switch (what) {
    case 'post': {
      const cid = `cid${index}`
      const post = { ...record, cid, timeUs, indexedAt: NOW - 100 + index }
      return { kind: 'putPost', ...post, facts: isTagged === true ? facts : undefined }
    }
    case 'gone':
      return { kind: 'deletePost', ...record }
    case 'like': {
      const engagement =
        author === owner ? undefined : ({ kind: 'like', did: author, rkey: to } as const)
      return { kind: 'putMark', mark: 'like', ...record, timeUs, engagement }
    }
    case 'unlike':
      return { kind: 'deleteMark', mark: 'like', ...record }
    default: {
      const times = { timeUs, toldUs: timeUs, time: timeUs }
      const active = what === 'show'
      const status = active ? undefined : what
      return { kind: 'setAccount', did: owner, active, status, ...times }
    }
  }
}

async function openStore({ writer }: TestDatabase, rowsAtOnce: number) {
  const store = createRecordStore(writer)
  const mover = new AccountMover({ store, step: 2 })
  return {
    store: async (ops: readonly Operation[]) => {
      const batch = { ops, position: undefined, lastEventUs: undefined }
      const windowUs = 72 * US_PER_HOUR
      const target = { store, pinned: [], windowUs, rowsAtOnce }
      await storeBatch(target, batch, NOW)
    },
    /** One step, of one account. */
    step: () => mover.turn(NOW, 0),
    finish: () => moveAccounts(store, NOW),
    /** As after a restart: what is under way is read from the store. */
    forget: async () => {
      await expect(
        store.write({ nowUs: 0 }, () => Promise.reject(new Error('lost'))),
      ).rejects.toThrow('lost')
    },
  }
}

/**
 * Nobody likes what is not there: such a like counts when its batch brings the post as well, and does not
 * when the batch has ended before.
 */
function withoutEarlyLikes(ops: readonly Operation[]): Operation[] {
  return ops.map((op, index) => {
    const liked = op.kind === 'putMark' ? op.engagement : undefined
    const isThere =
      liked !== undefined &&
      keptByModel(ops.slice(0, index)).tagged.has(
        `at://${liked.did}/app.bsky.feed.post/${liked.rkey}`,
      )
    return op.kind === 'putMark' && !isThere ? { ...op, engagement: undefined } : op
  })
}

/** The at-uris of kept posts and the accounts that are hidden, worked out from what happened alone. */
function keptByModel(ops: readonly Operation[]): { tagged: Set<string>; hidden: Set<string> } {
  const tagged = new Set<string>()
  const hidden = new Set<string>()
  for (const op of ops) {
    const uri = 'rkey' in op ? `at://${op.did}/app.bsky.feed.post/${op.rkey}` : ''
    if (op.kind === 'putPost' && op.facts !== undefined) {
      tagged.add(uri)
    } else if (op.kind === 'putPost' || op.kind === 'deletePost') {
      tagged.delete(uri)
    } else if (op.kind === 'setAccount') {
      if (op.active) {
        hidden.delete(op.did)
      } else {
        hidden.add(op.did)
      }
      for (const other of op.status === 'deleted' ? [...tagged] : []) {
        if (other.startsWith(`at://${op.did}/`)) {
          tagged.delete(other)
        }
      }
    }
  }
  return { tagged, hidden }
}

/** The at-uris of the posts that a reader may see. */
function visibleByModel(ops: readonly Operation[]): Set<string> {
  const { tagged, hidden } = keptByModel(ops)
  return new Set([...tagged].filter((uri) => !hidden.has(uri.split('/')[2] ?? '')))
}

/**
 * All but the traces of likes: whether one of a post that goes with its author is remembered depends on
 * whether both came in one batch, and changes nothing.
 */
async function comparable(database: TestDatabase) {
  const { traces, ...rest } = await contents(database)
  return { ...rest, traces: traces.filter(({ collection }) => collection === 0) }
}

const chunks = fc.array(fc.record({ length: fc.integer({ min: 1, max: 6 }), steps: fc.nat(3) }), {
  minLength: 30,
  maxLength: 30,
})

describe.each(engines)('accounts that come and go on $name', { timeout: 120_000 }, (engine) => {
  const numRuns = engine.name === 'postgres' ? 8 : 40

  test('end as if each had been moved at once, wherever the moving is cut, and nobody sees what is hidden', async () => {
    await fc.assert(
      fc.asyncProperty(happenings, chunks, fc.boolean(), async (said, cuts, isForgetful) => {
        const ops = withoutEarlyLikes(said.map(toOp))
        await using atOnce = await engine.open()
        await openFeedBench(atOnce, [feedOf('art')], clock)
        const reference = await openStore(atOnce, 1_000)
        for (const op of ops) {
          await reference.store([op])
          await reference.finish()
        }
        await using inSteps = await engine.open()
        const { feeds } = await openFeedBench(inSteps, [feedOf('art')], clock)
        const store = await openStore(inSteps, 0)
        const read = async (): Promise<string[]> => {
          const page = await feeds[0]?.page({ limit: 100, cursor: undefined })
          return [...(page?.posts ?? [])]
        }
        let from = 0
        for (const { length, steps } of cuts) {
          await store.store(ops.slice(from, from + length))
          from += length
          const visible = visibleByModel(ops.slice(0, from))
          for (let step = 0; step <= steps; step += 1) {
            expect((await read()).filter((uri) => !visible.has(uri))).toEqual([])
            if (isForgetful) {
              await store.forget()
            }
            await store.step()
          }
        }
        await store.finish()
        expect(new Set(await read())).toEqual(visibleByModel(ops))
        expect(await comparable(inSteps)).toEqual(await comparable(atOnce))
        const left = await inSteps.reader.kysely.selectFrom('hidden_author').selectAll().execute()
        expect(left).toEqual([])
      }),
      { numRuns },
    )
  })
})
