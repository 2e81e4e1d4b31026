import type { Ingest } from '../../src/ingest/startIngest.ts'
import { createPost, did, tid } from './events.ts'
import type { CommitEvent } from './events.ts'
import { openIngestBench } from './ingestBench.ts'
import type { IngestBench } from './ingestBench.ts'
import { until } from './until.ts'

/** A stream and its posts, for the tests of clocks and outages. */

export const SECOND_US = 1_000_000
export const MINUTE_US = 60 * SECOND_US
export const HOUR_US = 60 * MINUTE_US
export const DAY_US = 24 * HOUR_US

const uriOf = ({ did: author, commit }: CommitEvent): string =>
  `at://${author}/app.bsky.feed.post/${commit.rkey}`

let keys = 0
/** A post as a host tells of it whose clock is ahead of what is right; each of another account. */
export function post(timeUs: number): CommitEvent {
  keys += 1
  const key = tid(1_700_000_000_000_000 + keys)
  return createPost({ timeUs, did: did(keys), rkey: key, rev: key, tags: ['art'] })
}

export const positionOf = (ingest: Ingest): number => ingest.status().positionUs ?? 0
export const logged = ({ logs }: IngestBench, name: string) =>
  logs.filter(({ event }) => event === name)

export async function untilStored(
  bench: IngestBench,
  events: readonly CommitEvent[],
): Promise<void> {
  await until(async () => {
    const stored = new Set(await bench.stored())
    return events.every((event) => stored.has(uriOf(event)))
  }, 10_000)
}

/** So many posts of the last seconds, then nothing. */
export async function openStream(stack: AsyncDisposableStack, hosts = 1) {
  const bench = await openIngestBench(stack, hosts)
  const startUs = bench.now()
  const posts = Array.from({ length: 12 }, (_, index) => post(startUs - (12 - index) * SECOND_US))
  const tellAll = (events: readonly CommitEvent[]): void =>
    bench.servers.forEach((server) => server.append(...events))
  tellAll(posts)
  return { bench, posts, startUs, tellAll }
}
