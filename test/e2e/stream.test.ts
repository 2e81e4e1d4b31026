import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { accountEvent, deletePost, did } from '../support/events.ts'
import { identityEvent } from '../support/events.ts'
import type { AccountEvent, CommitEvent, JetstreamEvent } from '../support/events.ts'
import { faults, openJetstreamServer } from '../support/jetstreamServer.ts'
import type { Frame } from '../support/jetstreamServer.ts'
import type { RunningApp } from '../support/runApp.ts'
import { createRandom, generateEvents, take } from '../support/streamGenerator.ts'
import type { Random } from '../support/streamGenerator.ts'
import {
  HOUR_US,
  SECOND_US,
  nowUs,
  openClock,
  post,
  runReader,
  uriOf,
} from '../support/streamReader.ts'
import { until } from '../support/until.ts'

/** The state that the stream describes, whatever repeats, reorders and kills. */

/** What the stream says, folded frame by frame: all that the feeds below can show. */
class Model {
  readonly #posts = new Map<string, { did: string; tags: string[]; key: string }>()
  readonly #hidden = new Set<string>()

  constructor(events: Iterable<JetstreamEvent>) {
    for (const event of events) {
      if (event.kind === 'account') {
        this.#account(event)
      } else if (event.kind === 'commit' && event.commit.collection === 'app.bsky.feed.post') {
        this.#commit(event)
      }
    }
  }

  feed(tag: string): string[] {
    return [...this.#posts]
      .filter(([, { did, tags }]) => tags.includes(tag) && !this.#hidden.has(did))
      .map(([uri, { key }]): [string, string] => [`${key} ${uri}`, uri])
      .toSorted(([left], [right]) => (left < right ? 1 : -1))
      .map(([, uri]) => uri)
  }

  #account({ did, account }: AccountEvent): void {
    this.#hidden[account.active ? 'delete' : 'add'](did)
    if (account.status === 'deleted') {
      for (const [uri, post] of this.#posts) {
        if (post.did === did) {
          this.#posts.delete(uri)
        }
      }
    }
  }

  #commit(event: CommitEvent): void {
    const { operation, record, cid } = event.commit
    const uri = uriOf(event)
    if (operation === 'delete') {
      this.#posts.delete(uri)
      return
    }
    const tags = record?.['reply'] === undefined ? tagsOf(record ?? {}) : []
    const old = this.#posts.get(uri)
    if (old !== undefined || tags.length > 0) {
      const claimed = Date.parse(String(record?.['createdAt'])) * 1000
      const indexedAt = String(Math.min(claimed, event.time_us)).padStart(16, '0')
      this.#posts.set(uri, { did: event.did, tags, key: old?.key ?? `${indexedAt} ${cid}` })
    }
  }
}

function tagsOf(record: Record<string, unknown>): string[] {
  const facets = (record['facets'] ?? []) as { features: { tag: string }[] }[]
  const tags = facets.flatMap(({ features }) => features.map(({ tag }) => tag))
  return [...tags, ...((record['tags'] ?? []) as string[])].map((tag) =>
    tag.normalize('NFKC').toLowerCase(),
  )
}

const TAGS = ['art', 'artwork', 'photography', 'cats', 'digitalart', 'イラスト', 'c++', '$tsla']
const TAG_FEEDS = `feeds:\n${TAGS.map(
  (tag, index) => `  - { rkey: f${index}, name: Feed, tags: ["${tag}"] }\n`,
).join('')}`

const readAll = (app: RunningApp): Promise<string[][]> =>
  Promise.all(TAGS.map((_, index) => app.walk(`f${index}`, 50)))

/** A network in which much is written, changed and taken back, by few. */
const busy = (count: number, seed: number): JetstreamEvent[] =>
  take(
    count,
    generateEvents({
      ...{ seed, startUs: nowUs() - HOUR_US, eventsPerSecond: 10, accounts: 150 },
      shares: { like: 2, repost: 1, follow: 1, post: 60, delete: 12, update: 15, account: 6 },
      ...{ taggedShare: 0.8, rememberedPosts: 300 },
    }),
  )

/** Each account's events keep their order; those of different accounts do not, by up to 100 places. */
function reorder(events: readonly JetstreamEvent[], random: Random): JetstreamEvent[] {
  const slots = events.map((event, index) => ({ event, key: index + random.next() * 100 }))
  const lastOf = new Map<string, number>()
  for (const slot of slots) {
    slot.key = Math.max(slot.key, (lastOf.get(slot.event.did) ?? -1) + 1e-6)
    lastOf.set(slot.event.did, slot.key)
  }
  return slots.toSorted((left, right) => left.key - right.key).map(({ event }) => event)
}

describe('the state that the stream describes', () => {
  const isAskedFor = (event: JetstreamEvent): boolean =>
    event.kind !== 'commit' || event.commit.collection === 'app.bsky.feed.post'
  const lastOf = (events: readonly JetstreamEvent[]): number =>
    Math.max(...events.filter(isAskedFor).map(({ time_us }) => time_us))
  const expected = (events: readonly JetstreamEvent[]): string[][] => {
    const model = new Model(events)
    return TAGS.map((tag) => model.feed(tag))
  }

  test('comes of frames repeated, in other orders across accounts, with rubbish between', async () => {
    const events = busy(2_000, 5)
    const random = createRandom(6)
    await using jetstream = await openJetstreamServer()
    const frames = reorder(events, random).flatMap((event): (Frame | JetstreamEvent)[] => [
      ...faults.repeated(event, random.chance(0.2) ? 3 : 1),
      ...(random.chance(0.02) ? [faults.malformedJson(event.time_us)] : []),
    ])
    jetstream.appendAll([...frames, ...events.slice(-300), ...events.slice(-500, -200)])
    jetstream.append(identityEvent({ timeUs: lastOf(events) + SECOND_US }))
    await using app = await runReader(jetstream, {}, { feeds: TAG_FEEDS })
    await app.untilCommitted(lastOf(events) + SECOND_US)
    const wanted = expected(events)
    expect(wanted.every((uris) => uris.length > 0)).toBe(true)
    expect(await readAll(app)).toEqual(wanted)
  })

  test('comes of a v2 host that replays an hour at every reconnect', async () => {
    const events = busy(1_500, 7)
    const half = events.slice(0, 700)
    await using jetstream = await openJetstreamServer({
      flavour: 'v2',
      segmentStartUs: events[0]?.time_us ?? 0,
    })
    jetstream.appendAll(half)
    await using app = await runReader(jetstream, {}, { feeds: TAG_FEEDS })
    await app.untilCommitted(lastOf(half))
    expect(await readAll(app)).toEqual(expected(half))
    await jetstream.disconnectAll({ abruptly: true })
    await jetstream.waitForConnection(2)
    await jetstream.waitUntilSent()
    jetstream.dropAfter(900)
    jetstream.appendAll(events.slice(700))
    await until(() => jetstream.connections.length >= 3)
    jetstream.dropAfter(Infinity)
    await app.untilCommitted(lastOf(events))
    await jetstream.disconnectAll({ code: 1001 })
    const marker = identityEvent({ timeUs: lastOf(events) + SECOND_US })
    jetstream.append(marker)
    await app.untilCommitted(marker.time_us)
    expect(await readAll(app)).toEqual(expected(events))
    expect((await app.health()).ingest.rejectedTotal).toBe(0)
  })

  test('also when a replay begins before the first start: what was deleted stays away', async () => {
    const clock = openClock()
    const author = { did: did(1) }
    const erased = post(clock, author)
    const alsoErased = post(clock, author)
    const deleted = post(clock, { did: did(2) })
    await using jetstream = await openJetstreamServer({ flavour: 'v2', segmentStartUs: 1 })
    jetstream.append(erased, alsoErased, deleted)
    await using app = await runReader(jetstream, { FEEDGEN_BACKFILL_HOURS: '0' })
    await jetstream.waitForConnection()
    const { rkey } = deleted.commit
    jetstream.append(
      accountEvent({ timeUs: clock.tick(), ...author, active: false, status: 'deleted' }),
      accountEvent({ timeUs: clock.tick(), ...author }),
      deletePost({ timeUs: clock.tick(), did: did(2), rkey }),
    )
    const kept = post(clock, author)
    jetstream.append(kept)
    await app.untilCommitted(kept.time_us)
    expect(await app.walk('art')).toEqual([uriOf(kept)])
    await jetstream.disconnectAll({ abruptly: true })
    jetstream.append(identityEvent({ timeUs: clock.tick() }))
    await app.untilCommitted(clock.now())
    expect(await app.walk('art')).toEqual([uriOf(kept)])
  })

  test('outlives a SIGKILL at any instant', async () => {
    const events = busy(5_000, 8)
    const random = createRandom(9)
    using folder = temporaryFolder()
    await using jetstream = await openJetstreamServer()
    const rounds = 6
    for (let round = 0; round < rounds; round += 1) {
      const slice = events.slice((round * 5_000) / rounds, ((round + 1) * 5_000) / rounds)
      await using app = await runReader(jetstream, {}, { feeds: TAG_FEEDS, folder: folder.path })
      await jetstream.waitForConnection(round + 1)
      const first = slice.slice(0, 1 + random.below(slice.length))
      const kill = random.below(3)
      jetstream.appendAll(first)
      if (kill === 0) {
        await jetstream.waitUntilSent()
      } else if (kill === 1) {
        await until(async () => (await app.health()).ingest.eventsTotal > random.below(400))
      } else {
        await app.untilCommitted(lastOf(first.slice(0, 1 + random.below(first.length))) - SECOND_US)
      }
      jetstream.appendAll(slice.slice(first.length))
      await app.stop('SIGKILL')
    }
    await using app = await runReader(jetstream, {}, { feeds: TAG_FEEDS, folder: folder.path })
    await app.untilCommitted(lastOf(events))
    const wanted = expected(events)
    expect(wanted.flat().length).toBeGreaterThan(200)
    expect(await readAll(app)).toEqual(wanted)
    expect(await app.stop()).toBe(0)
  }, 60_000)
})
