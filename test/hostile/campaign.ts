/** Campaigns of hostile input against a running service, and what must hold of it meanwhile. */
import { createPost, did } from '../support/events.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import type { RunningApp } from '../support/runApp.ts'
import { createRandom } from '../support/streamGenerator.ts'
import { until } from '../support/until.ts'
import { hostileFrame } from './hostileFrames.ts'
import { hostileRequest } from './hostileRequests.ts'
import type { HostileRequest, Targets } from './hostileRequests.ts'
import { exchange } from './rawHttp.ts'
import type { RawAnswer } from './rawHttp.ts'

export const HOSTILE_FEEDS = `feeds:
  - { rkey: good, name: Good, tags: [good] }
  - { rkey: hostile, name: Hostile, tags: [hostile] }
`
const CHUNK = 2_000
/** A good post comes after so many hostile frames. */
const GOOD_EVERY = 20
/** Answers may lie in the server's log, which grows: it is cut so that this process is bounded too. */
const LOG_KEPT = 20_000

export interface FrameReport {
  readonly frames: number
  readonly rejected: number
  /** The good posts among them, newest first. */
  readonly good: readonly string[]
}

/** Sends hostile frames with good posts between them; resolves when all are read and committed. */
export async function sendHostileFrames(
  app: RunningApp,
  jetstream: JetstreamServer,
  { seed, frames, startUs }: { seed: number; frames: number; startUs: number },
): Promise<FrameReport> {
  const random = createRandom(seed)
  const good: string[] = []
  const before = (await app.health()).ingest
  let timeUs = startUs
  let logged = 0
  for (let sent = 0; sent < frames; sent += CHUNK) {
    const count = Math.min(CHUNK, frames - sent)
    for (let index = 0; index < count; index += 1) {
      timeUs += 1_000
      if (index % GOOD_EVERY === 0) {
        const post = createPost({ timeUs, did: did(index % 50), tags: ['good'] })
        good.unshift(`at://${post.did}/app.bsky.feed.post/${post.commit.rkey}`)
        jetstream.append(post)
      } else {
        jetstream.append(hostileFrame(random, timeUs))
      }
    }
    logged += count
    await untilRead(app, before.eventsTotal + sent + count)
    if (logged > LOG_KEPT) {
      jetstream.forget(CHUNK)
      logged -= CHUNK
    }
  }
  timeUs += 1_000
  const last = createPost({ timeUs, did: did(1), tags: ['good'] })
  jetstream.append(last)
  good.unshift(`at://${last.did}/app.bsky.feed.post/${last.commit.rkey}`)
  await untilRead(app, before.eventsTotal + frames + 1)
  await until(async () => (await app.page('good', { limit: 1 })).feed[0]?.post === good[0])
  const after = (await app.health()).ingest
  return { frames, rejected: after.rejectedTotal - before.rejectedTotal, good }
}

/** Waits for frames to be read, for as long as some are. */
async function untilRead(app: RunningApp, total: number): Promise<void> {
  for (let seen = -1; ;) {
    const start = seen
    seen = await until(async () => {
      const { eventsTotal } = (await app.health()).ingest
      return (eventsTotal !== start || eventsTotal >= total) && eventsTotal
    })
    if (seen >= total) {
      return
    }
  }
}

export interface RequestReport {
  readonly requests: number
  readonly byStatus: Readonly<Record<string, number>>
  /** Requests without an answer: the service waits for more of it, or has closed. */
  readonly unanswered: number
  /** Answers that break the contract, each with its request; a bounded number. */
  readonly violations: readonly string[]
  /** Answers of the parser without a body, by status. */
  readonly bare: Readonly<Record<string, number>>
}

const PIPELINED = 20
const LANES = 8
const MAX_VIOLATIONS = 20

/** Sends hostile requests, most of them many to a connection, and judges every answer. */
export async function sendHostileRequests(
  app: RunningApp,
  targets: Targets,
  { seed, requests }: { seed: number; requests: number },
): Promise<RequestReport> {
  const random = createRandom(seed)
  const port = Number(new URL(app.url).port)
  const byStatus: Record<string, number> = {}
  const bare: Record<string, number> = {}
  const violations: string[] = []
  let [made, unanswered] = [0, 0]

  const judge = (request: string, answer: RawAnswer, isHead: boolean): void => {
    byStatus[answer.status] = (byStatus[answer.status] ?? 0) + 1
    if (answer.status >= 400 && answer.body === '' && !answer.headers.has('content-type')) {
      bare[answer.status] = (bare[answer.status] ?? 0) + 1
      return
    }
    const problem = problemOf(answer, isHead)
    if (problem !== undefined && violations.length < MAX_VIOLATIONS) {
      violations.push(`${problem}: ${request.slice(0, 300)} → ${answer.body.slice(0, 200)}`)
    }
  }
  let held: HostileRequest | undefined
  /** What ends its connection goes alone: the parser's answer would come ahead of the others. */
  const takeBatch = (): HostileRequest[] => {
    const batch: HostileRequest[] = []
    while (made < requests && batch.length < PIPELINED) {
      const request = held ?? hostileRequest(random, targets)
      held = undefined
      if (request.isLast && batch.length > 0) {
        held = request
        return batch
      }
      batch.push(request)
      made += 1
      if (request.isLast) {
        return batch
      }
    }
    return batch
  }
  const lane = async (): Promise<void> => {
    for (let batch = takeBatch(); batch.length > 0; batch = takeBatch()) {
      const heads = batch.map(({ isHead }) => isHead)
      const waitMs = batch.at(-1)?.isLast === true ? 100 : 10_000
      const bytes = Buffer.concat(batch.map((request) => request.bytes))
      const { answers } = await exchange(bytes, { port, heads, waitMs })
      for (const [index, answer] of answers.entries()) {
        judge(JSON.stringify(batch[index]?.bytes.toString('latin1')), answer, heads[index] === true)
      }
      unanswered += batch.length - answers.length
      const last = answers.length < batch.length - 1 ? batch[answers.length] : undefined
      if (last !== undefined && answers.at(-1)?.headers.get('connection') !== 'close') {
        violations.push(
          `no answer in 10 s: ${JSON.stringify(last.bytes.toString('latin1')).slice(0, 300)}`,
        )
      }
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return { requests: made, byStatus, unanswered, violations, bare }
}

function problemOf({ status, headers, body }: RawAnswer, isHead: boolean): string | undefined {
  if (!(status < 500 || status === 501)) {
    return `status ${status}`
  }
  if (headers.has('x-powered-by')) {
    return 'X-Powered-By'
  }
  if (status < 400 || isHead) {
    return undefined
  }
  if (headers.get('content-type')?.startsWith('application/json') !== true) {
    return `an error as ${headers.get('content-type')}`
  }
  try {
    const { error, message } = JSON.parse(body) as Record<string, unknown>
    return typeof error === 'string' &&
      error !== '' &&
      typeof message === 'string' &&
      message !== ''
      ? undefined
      : 'an error without error and message'
  } catch {
    return 'an error that is no JSON'
  }
}

/** What a fuzzer of cursors starts from: real ones of both feeds. */
export async function findTargets(app: RunningApp): Promise<Targets> {
  const cursors: string[] = []
  for (const rkey of ['good', 'hostile']) {
    for (
      let [cursor, pages]: [string | undefined, number] = [undefined, 0];
      pages < 5;
      pages += 1
    ) {
      const page = await app.page(rkey, { limit: 3, ...(cursor !== undefined && { cursor }) })
      cursor = page.cursor
      if (cursor === undefined) {
        break
      }
      cursors.push(cursor)
    }
  }
  return { feedUris: [app.feedUri('good'), app.feedUri('hostile')], cursors }
}

/** Resident memory of the service's process, in bytes. */
export async function residentBytes(app: RunningApp): Promise<number> {
  const text = await (await app.get('/metrics')).text()
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1])
}

/** Log lines that a hostile stranger must not be able to bring about. */
export function alarms(app: RunningApp): string[] {
  const events = new Set(['ingestDied', 'storeFails', 'operationRefused'])
  return app.logs
    .filter(({ event, level }) => events.has(event ?? '') || level === 'fatal')
    .map((line) => JSON.stringify(line).slice(0, 500))
}
