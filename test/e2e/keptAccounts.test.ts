import { describe, expect, test } from 'vitest'
import { accountEvent } from '../support/events.ts'
import type { CommitEvent, JetstreamEvent } from '../support/events.ts'
import {
  app,
  datetimeUs,
  newDid,
  nowUs,
  post,
  publish,
  remove,
  tick,
  update,
  uriOf,
  passTime,
} from '../support/keptBench.ts'

/** Section 4 of the contract, rule by rule: accounts. */

const rejected = async (): Promise<number> => (await app.health()).ingest.rejectedTotal

type AccountOptions = Partial<Parameters<typeof accountEvent>[0]>
const account = ({ did }: { did: string }, options: AccountOptions) =>
  accountEvent({ timeUs: tick(), did, ...options })
const off = (event: { did: string }, status?: string) => account(event, { active: false, status })
const on = (event: { did: string }) => account(event, { active: true })

describe('an account', () => {
  const sendAll = async (events: readonly JetstreamEvent[], isOneBatch: boolean): Promise<void> => {
    for (const group of isOneBatch ? [events] : events.map((event) => [event])) {
      await publish(...group)
    }
  }
  const both = [
    ['in one batch', true],
    ['one by one', false],
  ] as const

  test.each(both)('that is deleted loses everything, for good (%s)', async (_, isOneBatch) => {
    const author = newDid()
    const posts = [1, 2, 3].map(() => post('erased', { did: author }))
    const other = post('erased')
    const edited = update(posts[1] as CommitEvent, ['erased', 'x'])
    const before = (await app.walk('erased')).length
    await sendAll([...posts, edited, other, off({ did: author }, 'deleted')], isOneBatch)
    expect(await app.walk('erased')).toHaveLength(before + 1)
    await sendAll([on({ did: author }), ...posts, edited], isOneBatch)
    expect(await app.walk('erased')).toHaveLength(before + 1)
    expect(await app.walk('erased')).toContain(uriOf(other))
  })

  test('that is deleted while hidden, or twice, loses everything, too', async () => {
    const first = post('erasedback')
    const meanwhile = post('erasedback', { did: first.did })
    await publish(first, off(first, 'deactivated'), meanwhile, off(first, 'deleted'))
    await publish(on(first), first, meanwhile)
    expect(await app.walk('erasedback')).toEqual([])
    const after = post('erasedback', { did: first.did })
    await publish(off(first, 'deleted'), after, off(first, 'deleted'), on(first), after)
    expect(await app.walk('erasedback')).toEqual([])
    const back = post('erasedback', { did: first.did })
    await publish(off(first, 'deleted'), off(first, 'deactivated'), back, on(first), first)
    expect(await app.walk('erasedback')).toEqual([uriOf(back)])
  })

  test.each(both)('makes an erased record new by a later update (%s)', async (_, isOneBatch) => {
    const record = { createdAt: undefined }
    const erased = post('later', { record })
    const between = post('later')
    const renewed = [off(erased, 'deleted'), on(erased), update(erased, ['later'], { record })]
    await sendAll([erased, between, ...renewed, erased], isOneBatch)
    expect((await app.walk('later')).slice(0, 2)).toEqual([erased, between].map(uriOf))
  })

  test('that is not active, whatever its status, is hidden until it is active again', async () => {
    const statuses = [
      undefined,
      'takendown',
      'suspended',
      'deactivated',
      'desynchronized',
      'new',
      '',
    ]
    const firsts = statuses.map(() => post('hidden'))
    await publish(...firsts, ...firsts.map((first, index) => off(first, statuses[index])))
    expect(await app.walk('hidden')).toEqual([])
    const meanwhile = firsts.map(({ did }) => post('hidden', { did }))
    await publish(...meanwhile)
    expect(await app.walk('hidden')).toEqual([])
    const after = post('hidden')
    await publish(after, ...firsts.map((first) => on(first)))
    const expected = [...firsts, ...meanwhile, after].map(uriOf).toReversed()
    expect(await app.walk('hidden')).toEqual(expected)
  })

  test('that is active is shown whatever its status, also `deleted`', async () => {
    const first = post('unknownstatus')
    const events = ['desynchronized', 'throttled', 'deleted'].map((status) =>
      account(first, { active: true, status }),
    )
    await publish(first, ...events)
    expect(await app.walk('unknownstatus')).toEqual([uriOf(first)])
  })

  test('that is hidden before its first post is heard of stays hidden', async () => {
    const author = newDid()
    const first = post('meanwhile', { did: author })
    await publish(off({ did: author }), first)
    expect(await app.walk('meanwhile')).toEqual([])
    await publish(on({ did: author }))
    expect(await app.walk('meanwhile')).toEqual([uriOf(first)])
  })

  test.each(both)('changes its posts while it is hidden (%s)', async (_, isOneBatch) => {
    const author = newDid()
    const [gone, left, entered, kept] = [1, 2, 3, 4].map((n) =>
      post(n === 3 ? 'other' : 'hiddenedit', { did: author }),
    ) as [CommitEvent, CommitEvent, CommitEvent, CommitEvent]
    const before = await app.walk('hiddenedit')
    const changes = [remove(gone), update(left, []), update(entered, ['hiddenedit'])]
    await sendAll([gone, left, entered, kept, off({ did: author }), ...changes], isOneBatch)
    expect(await app.walk('hiddenedit')).toEqual(before)
    await sendAll([on({ did: author })], isOneBatch)
    expect(await app.walk('hiddenedit')).toEqual([...[kept, entered].map(uriOf), ...before])
  })

  test('follows the frame that is later by either clock, and by no number', async () => {
    const first = post('latest')
    await publish(first)
    const base = nowUs
    // In seconds after that: the host's clock, and the account's own.
    const say = (active: boolean, told: number, own: number) => {
      const timeUs = base + told * 1_000_000
      const time = datetimeUs(base + own * 1_000_000)
      return account(first, { active, timeUs, time, seq: 1_000 - told })
    }
    passTime(100_000_000)
    await publish(say(false, 50, 40))
    expect(await app.walk('latest')).toEqual([])
    await publish(say(true, 30, 30), say(true, 49, 39))
    expect(await app.walk('latest')).toEqual([])
    // An own clock that is ahead of the frame's says no more than that.
    await publish(say(true, 39, 5_000))
    expect(await app.walk('latest')).toEqual([])
    await publish(say(true, 51, 10))
    expect(await app.walk('latest')).toEqual([uriOf(first)])
    await publish(say(false, 45, 41))
    expect(await app.walk('latest')).toEqual([])
    await publish(say(true, 60, 60_000_000))
    expect(await app.walk('latest')).toEqual([uriOf(first)])
    await publish(say(false, 61, 20))
    expect(await app.walk('latest')).toEqual([])
  })

  test('compares account.time as a moment, not as text', async () => {
    const first = post('account2')
    await publish(first)
    const timeUs = nowUs
    const say = (active: boolean, time: string) => account(first, { active, time, timeUs })
    await publish(say(false, '2026-01-01T12:00:00.000Z'), say(true, '2026-01-01T12:00:00.000001Z'))
    expect(await app.walk('account2')).toEqual([uriOf(first)])
    await publish(say(false, '2026-01-01T13:00:00.000+02:00'))
    expect(await app.walk('account2')).toEqual([uriOf(first)])
    await publish(say(false, '2026-01-01T11:00:00.5-02:00'))
    expect(await app.walk('account2')).toEqual([])
  })

  test('is not changed by what another host tells again a minute later', async () => {
    const first = post('seq')
    const frames = [off(first, 'deactivated'), on(first), off(first, 'takendown'), on(first)]
    await publish(first, ...frames)
    const again = frames.map((frame) => ({ ...frame, time_us: frame.time_us + 60_000_000 }))
    passTime(61_000_000)
    for (const frame of again) {
      await publish(frame)
      expect(await app.walk('seq')).toEqual([uriOf(first)])
    }
  })

  test('is not changed by events of before that are repeated', async () => {
    const first = post('stale')
    const [down, up, downAgain] = [off(first), on(first), off(first, 'suspended')]
    await publish(first, down, up)
    await publish(down)
    expect(await app.walk('stale')).toEqual([uriOf(first)])
    await publish(downAgain)
    await publish(down, up)
    expect(await app.walk('stale')).toEqual([])
    expect(await rejected()).toBe(0)
  })
})
