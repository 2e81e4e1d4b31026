/**
 * A PLC directory and a PDS on the loopback, with repositories that hold follows: real HTTP, in the forms
 * of the reference PDS, and faults on demand.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { tid } from './events.ts'
import { openLocalServer } from './localServer.ts'
import { createSigner, documentOf, serviceToken } from './serviceTokens.ts'
import type { Alg, Signer } from './serviceTokens.ts'

export type Cursors = 'keys' | 'offsets' | 'repeated' | 'foreign'

export interface ViewerNetwork extends AsyncDisposable {
  readonly url: string
  /** Environment of a service that asks here. */
  readonly env: Readonly<Record<string, string>>
  /** An account with a key of its own. */
  join(did: string, alg?: Alg): Signer
  /** Follow records by their keys. */
  readonly follows: Map<string, Map<string, string>>
  /** So many follows of invented accounts. */
  followMany(did: string, count: number): void
  /** An `authorization` header of an account. */
  bearer(did: string, method: string, claims?: Readonly<Record<string, unknown>>): string
  delayMs: number
  /** The PDS answers with this status. */
  status: number
  isHanging: boolean
  cursors: Cursors
  /** Requests for pages of records, and for documents. */
  readonly asked: { pages: number; documents: number }
}

const COLLECTION = 'app.bsky.graph.follow'
export const GET_FEED_SKELETON = 'app.bsky.feed.getFeedSkeleton'

export async function openViewerNetwork(serviceDid: string): Promise<ViewerNetwork> {
  const signers = new Map<string, Signer>()
  const follows = new Map<string, Map<string, string>>()
  const asked = { pages: 0, documents: 0 }
  const server = await openLocalServer((request, response) => void answer(request, response))
  const faults = { delayMs: 0, status: 200, isHanging: false, cursors: 'keys' as Cursors }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://localhost')
    const name = decodeURIComponent(url.pathname.slice(1))
    if (!url.pathname.startsWith('/xrpc/')) {
      asked.documents += 1
      const signer = signers.get(name)
      sendJson(response, signer ? 200 : 404, signer ? documentOf(signer, server.url) : {})
      return
    }
    asked.pages += 1
    if (network.isHanging) {
      return
    }
    await delay(network.delayMs)
    const { status } = network
    sendJson(response, status, status === 200 ? pageOf(url.searchParams) : { error: 'x' })
  }

  function pageOf(query: URLSearchParams): object {
    const repo = query.get('repo') ?? ''
    const isUp = query.get('reverse') === 'true'
    const limit = Number(query.get('limit'))
    const cursor = query.get('cursor') ?? undefined
    const records = [...(follows.get(repo) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
    if (!isUp) {
      records.reverse()
    }
    const isAfter = (rkey: string): boolean =>
      cursor === undefined || (isUp ? rkey > cursor : rkey < cursor)
    const { cursors } = network
    const from = cursors === 'offsets' ? Number(cursor ?? 0) : 0
    const some =
      cursors === 'keys' || cursors === 'foreign'
        ? records.filter(([rkey]) => isAfter(rkey)).slice(0, limit)
        : records.slice(from, from + limit)
    const last = some.at(-1)?.[0]
    const owner = cursors === 'foreign' ? 'did:plc:foreignforeignforeignfore' : repo
    const next = { keys: last, foreign: last, offsets: String(from + some.length), repeated: 'x' }
    return {
      records: some.map(([rkey, subject]) => ({
        uri: `at://${owner}/${COLLECTION}/${rkey}`,
        cid: 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
        value: { $type: COLLECTION, subject, createdAt: '2026-01-01T00:00:00Z' },
      })),
      ...(some.length > 0 && { cursor: next[cursors] }),
    }
  }

  const network: ViewerNetwork = Object.assign(faults, {
    url: server.url,
    env: { FEEDGEN_PLC_URL: server.url, FEEDGEN_ALLOW_LOCAL_NETWORK: 'true' },
    join: (did: string, alg?: Alg) => {
      const signer = createSigner(did, alg)
      signers.set(did, signer)
      follows.set(did, follows.get(did) ?? new Map())
      return signer
    },
    follows,
    followMany: (did: string, count: number) => {
      const own = follows.get(did) ?? new Map<string, string>()
      for (let index = 0; index < count; index += 1) {
        own.set(tid(1_600_000_000_000_000 + index * 7_654_321_000), `did:web:f${index}.example.com`)
      }
      follows.set(did, own)
    },
    bearer: (did: string, method: string, claims: Readonly<Record<string, unknown>> = {}) => {
      const signer = signers.get(did)
      if (signer === undefined) {
        throw new Error(`${did} has no key`)
      }
      return `Bearer ${serviceToken(signer, { aud: serviceDid, lxm: method, ...claims })}`
    },
    asked,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  })
  return network
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
