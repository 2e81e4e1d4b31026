import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { noViewers } from '../../test/support/noViewers.ts'
import type { Feed } from '../feeds/feed.ts'
import { createRegistry } from '../feeds/registry.ts'
import { silentLogger } from '../logger.ts'
import type { Asked } from '../queue/clientConnection.ts'
import { createMetrics } from '../status/metrics.ts'
import { GetFeedSkeleton } from './getFeedSkeleton.ts'

const PUBLISHER = 'did:plc:publisheraaaaaaaaaaaaaaa'
const FEED = encodeURIComponent(`at://${PUBLISHER}/app.bsky.feed.generator/art`)

function ask(): Asked {
  const request = new IncomingMessage(new Socket())
  request.method = 'GET'
  request.url = `/xrpc/app.bsky.feed.getFeedSkeleton?feed=${FEED}`
  const response = new ServerResponse(request)
  const now = performance.now()
  const times = { arrivedAt: now, begunAt: now }
  return { request, response, answer: () => {}, ...times, isOver: false }
}

function openResponder(version: () => number) {
  const read = { count: 0 }
  const feed = {
    definition: { rkey: 'art' },
    page: () => {
      read.count += 1
      return { posts: [], times: [], hasPin: false, cursor: undefined }
    },
  } as unknown as Feed
  const metrics = createMetrics({
    ingestStatus: () => undefined,
    rankingStatuses: () => [],
    clock: () => 0,
  })
  const registry = createRegistry(PUBLISHER, [feed])
  const responder = new GetFeedSkeleton({
    viewers: noViewers,
    registry,
    metrics,
    logger: silentLogger(),
    version,
  })
  return { responder, metrics, read }
}

/** The event loop comes to nothing else meanwhile. */
function standStill(ms: number): void {
  const endsAt = performance.now() + ms
  while (performance.now() < endsAt) {
    // Nothing.
  }
}

describe('a kept first page', () => {
  test('is asked about again in a turn of the event loop that lasts', () => {
    let version = 1
    const { responder, read } = openResponder(() => version)
    using _ = responder
    responder.respond(ask())
    responder.respond(ask())
    expect(read.count).toBe(1)
    version = 2
    standStill(5)
    responder.respond(ask())
    expect(read.count).toBe(2)
  })

  test('is read again after a second, also while the event loop comes to no timer', () => {
    const { responder, read } = openResponder(() => 1)
    using _ = responder
    responder.respond(ask())
    standStill(900)
    responder.respond(ask())
    expect(read.count).toBe(1)
    standStill(150)
    responder.respond(ask())
    expect(read.count).toBe(2)
  })
})

describe('a page that took over four seconds', () => {
  test('is an error, and counted for its feed', async () => {
    const { responder, metrics } = openResponder(() => 1)
    using _ = responder
    const late = ask()
    late.arrivedAt -= 4_000
    responder.respond(late)
    expect(late.response.statusCode).toBe(503)
    expect(late.isOver).toBe(true)
    expect(await metrics.text()).toContain('feedgen_answers_late_total{feed="art"} 1')
    expect(metrics.answers.lateTotal).toBe(1)
  })

  test('of which another answer was given meanwhile is not answered twice', () => {
    const { responder, metrics } = openResponder(() => 1)
    using _ = responder
    const over = ask()
    over.isOver = true
    responder.respond(over)
    expect(over.response.writableEnded).toBe(false)
    expect(metrics.answers.lateTotal).toBe(0)
  })
})
