import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { did, fakeCid, tid, withHashtags, writeRecord } from '../support/events.ts'
import { generateEvents } from '../support/streamGenerator.ts'

/** Many more than ingest holds in memory: of the accounts of the network most are seen seldom. */
const ACCOUNTS = 500_000
/** Of an account that the stream does not have. */
const PROBE_ACCOUNT = 900_000

export interface LiveStream extends Disposable {
  readonly url: string
  /** Frames sent so far to each that listens. */
  readonly sent: () => number
  /** Sends a post with a tag and returns its at-uri. */
  readonly sendPost: (tag: string) => string
}

const nowUs = (): number => Math.round((performance.timeOrigin + performance.now()) * 1000)

/**
 * A Jetstream that sends the mix of the network as it happens: each frame by itself, at its time. Whoever
 * connects is first sent what there was before, as fast as it is taken, as at any start of the service.
 */
export async function startLiveStream(
  eventsPerSecond: number,
  backlogFrames: number,
): Promise<LiveStream> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    path: '/subscribe',
    perMessageDeflate: false,
  })
  await new Promise((resolve) => {
    server.once('listening', resolve)
  })
  const log: Buffer[] = []
  let sent = 0
  let probes = 0
  const broadcast = (event: object): void => {
    const data = Buffer.from(JSON.stringify(event))
    server.clients.forEach((client) => client.send(data, { binary: false }))
    // Whoever connects later is sent it too.
    log.push(data)
    sent += 1
  }
  const events = generateEvents({
    seed: 5,
    startUs: nowUs() - (backlogFrames / eventsPerSecond) * 1_000_000,
    eventsPerSecond,
    accounts: ACCOUNTS,
  })
  let next = events.next().value
  while (log.length < backlogFrames && next.time_us < nowUs()) {
    log.push(Buffer.from(JSON.stringify(next)))
    next = events.next().value
  }
  server.on('connection', (client) => {
    log.forEach((data) => client.send(data, { binary: false }))
  })
  // A millisecond at least lies between two looks: at 400 events a second nearly every frame goes alone.
  const timer = setInterval(() => {
    while (next.time_us <= nowUs()) {
      broadcast(next)
      next = events.next().value
    }
  }, 1)
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/subscribe`,
    sent: () => sent,
    sendPost: (tag) => {
      probes += 1
      const timeUs = nowUs()
      const owner = did(PROBE_ACCOUNT)
      const rkey = tid(timeUs)
      const options = { did: owner, timeUs, rev: tid(timeUs), rkey, cid: fakeCid(`probe${probes}`) }
      broadcast(
        writeRecord('create', 'app.bsky.feed.post', options, {
          createdAt: new Date(timeUs / 1000).toISOString(),
          langs: ['en'],
          ...withHashtags('a post that is waited for', [tag]),
        }),
      )
      return `at://${owner}/app.bsky.feed.post/${rkey}`
    },
    [Symbol.dispose]: () => {
      clearInterval(timer)
      server.clients.forEach((client) => client.terminate())
      server.close()
    },
  }
}
