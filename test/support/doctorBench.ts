/**
 * A deployment for the doctor: a service and the network around it (directory, PDS, AppView) as small real
 * servers that answer as healthy ones do, route by route, so that a test spoils just one thing.
 */
import type { ServerResponse } from 'node:http'
import { readConfig } from '../../src/config/config.ts'
import { createDeployment } from '../../src/doctor/deployment.ts'
import { diagnose } from '../../src/doctor/diagnose.ts'
import type { Finding } from '../../src/doctor/findings.ts'
import { parseFeedFile } from '../../src/feedfile/feedFile.ts'
import { temporaryFolder } from './databases.ts'
import { openLocalServer } from './localServer.ts'
import type { SecureOptions } from './localServer.ts'
import type { LocalServer } from './localServer.ts'
import { runScript } from './runApp.ts'
import type { FinishedRun } from './runApp.ts'

export const HOSTNAME = 'feeds.tagfeed.dev'
export const SERVICE_DID = `did:web:${HOSTNAME}`
export const PUBLISHER_DID = 'did:plc:publisherpublisherpublis'
export const FEEDS = `feeds:
  - { rkey: art, name: Art, description: All art, tags: [art] }
  - { rkey: cats, name: Cats, tags: [cats] }
`

export type Route = (query: URLSearchParams, response: ServerResponse) => void
/** By path. */
export type Routes = Readonly<Record<string, Route>>

export interface Diagnosis {
  readonly code: number | null
  readonly findings: readonly Finding[]
  /** `check verdict`, or `check/feed verdict`, of all that are not ok. */
  readonly troubles: readonly string[]
}

export function feedUri(rkey: string): string {
  return `at://${PUBLISHER_DID}/app.bsky.feed.generator/${rkey}`
}

export function json(body: object, status = 200, headers: Record<string, string> = {}): Route {
  return (_query, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
}

export function html(status: number, title: string): Route {
  return (_query, response) => {
    response.writeHead(status, { 'content-type': 'text/html' })
    response.end(`<!doctype html><html><head><title>${title}</title></head></html>`)
  }
}

/** Takes the request, and never says anything. */
export const silent: Route = () => {}

export function didDocument(service: object = {}, did = SERVICE_DID): object {
  const entry = {
    id: '#bsky_fg',
    type: 'BskyFeedGenerator',
    serviceEndpoint: `https://${HOSTNAME}`,
  }
  return {
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: did,
    service: [{ ...entry, ...service }],
  }
}

const posts = (rkey: string): string[] =>
  Array.from(
    { length: rkey === 'art' ? 70 : 5 },
    (_, index) => `at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/${rkey}${index}`,
  )

/** Pages of the posts of a feed, with the place reached as the cursor. */
export const skeleton: Route = (query, response) => {
  const limit = Number(query.get('limit') ?? 50)
  const rkey = /\/(art|cats)$/.exec(query.get('feed') ?? '')?.[1]
  if (rkey === undefined) {
    json({ error: 'UnknownFeed', message: 'no such feed' }, 400)(query, response)
  } else if (limit < 1 || limit > 100) {
    json({ error: 'InvalidRequest', message: 'limit' }, 400)(query, response)
  } else {
    const all = posts(rkey)
    const end = Number(query.get('cursor') ?? 0) + limit
    const feed = all.slice(end - limit, end).map((post) => ({ post }))
    json({ feed, ...(end < all.length && { cursor: String(end) }) })(query, response)
  }
}

/** Of a stream that is half a second behind. */
export function health(ingest: object = {}): Route {
  return (query, response) => {
    const positionUs = (Date.now() - 500) * 1000
    const told = { connected: true, positionUs, lagMs: 500, problem: null, ...ingest }
    json({ version: '9.9.9', ingest: told })(query, response)
  }
}

export const service: Routes = {
  '/xrpc/_health': health(),
  '/ready': json({ ready: true }),
  '/.well-known/did.json': json(didDocument()),
  '/xrpc/app.bsky.feed.describeFeedGenerator': json({
    did: SERVICE_DID,
    feeds: [{ uri: feedUri('art') }, { uri: feedUri('cats') }],
  }),
  '/xrpc/app.bsky.feed.getFeedSkeleton': skeleton,
}

export function recordOf(rkey: string, record: object = {}): object {
  const name =
    rkey === 'art' ? { displayName: 'Art', description: 'All art' } : { displayName: 'Cats' }
  const $type = 'app.bsky.feed.generator'
  const createdAt = '2026-11-01T00:00:00.000Z'
  const value = { $type, did: SERVICE_DID, ...name, createdAt, ...record }
  return { uri: feedUri(rkey), cid: `bafyrei${rkey}`, value }
}

/** Answers for one feed otherwise than for the rest. */
export function forFeed(rkey: string, special: Route, otherwise: Route): Route {
  return (query, response) => {
    const route = query.get('feed') === feedUri(rkey) ? special : otherwise
    route(query, response)
  }
}

export const network: Routes = {
  '/xrpc/com.atproto.repo.listRecords': json({ records: [recordOf('art'), recordOf('cats')] }),
  '/xrpc/_health': json({ version: 'appview' }),
  '/xrpc/app.bsky.feed.getFeedGenerator': json({
    view: { did: SERVICE_DID },
    isOnline: true,
    isValid: true,
  }),
  '/xrpc/app.bsky.feed.getFeed': json({ feed: [{ post: {} }] }),
}

export async function openRoutes(routes: Routes, secure?: SecureOptions): Promise<LocalServer> {
  return await openLocalServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const route =
      routes[decodeURIComponent(url.pathname)] ??
      json({ error: 'NotFound', message: url.pathname }, 404)
    route(url.searchParams, response)
  }, secure)
}

export interface Bench {
  /** Laid over the healthy routes. */
  readonly service?: Routes
  readonly network?: Routes
  /** Instead of a server of routes: where the service is. */
  readonly url?: string
  /** Makes the service a server of TLS. */
  readonly secure?: SecureOptions
  readonly env?: Readonly<Record<string, string>>
  readonly feeds?: string
  readonly appView?: string
  readonly only?: string
}

/** Opens what a bench describes; answers how the doctor is to be called. */
async function openBench(bench: Bench) {
  await using stack = new AsyncDisposableStack()
  const served = stack.use(await openRoutes({ ...service, ...bench.service }, bench.secure))
  const around = stack.use(await openNetwork({ ...network, ...bench.network }))
  const scheme = bench.secure === undefined ? 'http' : 'https'
  const resources = stack.move()
  return {
    url: bench.url ?? `${scheme}://127.0.0.1:${served.port}`,
    appView: bench.appView ?? around.url,
    feeds: bench.feeds ?? FEEDS,
    env: {
      FEEDGEN_HOSTNAME: HOSTNAME,
      FEEDGEN_PUBLISHER_DID: PUBLISHER_DID,
      FEEDGEN_ALLOW_LOCAL_NETWORK: 'true',
      FEEDGEN_PLC_URL: around.url,
      ...bench.env,
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** Runs `doctor` on a deployment, as a process. */
export async function runDoctor(bench: Bench, args: readonly string[]): Promise<FinishedRun> {
  using folder = temporaryFolder()
  await using open = await openBench(bench)
  const only = bench.only === undefined ? [] : ['--only', bench.only]
  const given = ['--url', open.url, '--appview', open.appView, ...only, ...args]
  return await runScript('scripts/doctor.ts', given, {
    folder: folder.path,
    feeds: open.feeds,
    env: open.env,
  })
}

/** Runs the doctor on a deployment in this process, which takes a tenth of the time. */
export async function examineHere(bench: Bench): Promise<Diagnosis> {
  await using open = await openBench(bench)
  const setup = {
    config: readConfig(open.env),
    definitions: parseFeedFile(open.feeds, 'feeds.yaml'),
  }
  const { url, appView } = open
  const options = { url, appView, ...(bench.only !== undefined && { only: bench.only }) }
  const deployment = createDeployment(setup, options)
  const findings: Finding[] = []
  for await (const finding of diagnose(deployment, new AbortController().signal)) {
    findings.push(finding)
  }
  const hasFailed = findings.some(({ verdict }) => verdict === 'failure')
  return { code: hasFailed ? 1 : 0, findings, troubles: troublesOf(findings) }
}

/** Directory, PDS and AppView on one port: their paths differ. */
export async function openNetwork(routes: Routes): Promise<LocalServer> {
  const named = { url: '' }
  const document: Route = (query, response) => {
    const pds = {
      id: '#atproto_pds',
      type: 'AtprotoPersonalDataServer',
      serviceEndpoint: named.url,
    }
    json({ id: PUBLISHER_DID, service: [pds] })(query, response)
  }
  const server = await openRoutes({ [`/${PUBLISHER_DID}`]: document, ...routes })
  named.url = `http://127.0.0.1:${server.port}`
  return { ...server, url: named.url }
}

export async function examine(bench: Bench = {}): Promise<Diagnosis> {
  return readDiagnosis(await runDoctor(bench, ['--json']))
}

export function readDiagnosis({ code, stdout, stderr }: FinishedRun): Diagnosis {
  if (stderr !== '') {
    throw new Error(`the doctor says on stderr: ${stderr}`)
  }
  const lines = stdout.split('\n').filter((line) => line !== '')
  const findings = lines.map((line) => JSON.parse(line) as Finding)
  return { code, findings, troubles: troublesOf(findings) }
}

function troublesOf(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ check, verdict, feed }) => `${check}${feed === undefined ? '' : `/${feed}`} ${verdict}`)
}
