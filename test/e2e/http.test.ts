import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { app as lexicon } from '@bsky/sdk/lexicons'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPost, did } from '../support/events.ts'
import { faults, openJetstreamServer } from '../support/jetstreamServer.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { until } from '../support/until.ts'

const DESCRIBE = '/xrpc/app.bsky.feed.describeFeedGenerator'
const SKELETON = '/xrpc/app.bsky.feed.getFeedSkeleton'
const HOSTNAME = 'feed.example.net'
/** All that answers for feeds, and nothing that reads the stream. */
const SERVING = { FEEDGEN_ROLES: 'serve' }
/** Nobody listens there. */
const NOWHERE = 'ws://127.0.0.1:9/subscribe'

const SCRIPT = '<script>x</script>'
const SPOILT = '"><img src=x onerror=alert(1)> & \'tis'
const feeds = `feeds:
  - { rkey: art, name: Art of today, description: Pictures, tags: [art] }
  - { rkey: spoilt, name: "${SCRIPT}", description: ${JSON.stringify(SPOILT)}, tags: [none] }
`

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** A request whose path goes out as it is: `fetch` would mend it. */
function send(
  app: RunningApp,
  path: string,
  { method = 'GET', headers = {}, body = '' } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(app.url)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { hostname, port, path, method, headers, agent: false },
      (incoming) => {
        let text = ''
        incoming.setEncoding('utf8')
        incoming.on('data', (chunk) => (text += String(chunk)))
        incoming.once('error', reject)
        incoming.once('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }),
        )
      },
    )
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

/** What is wrong with an error: each is JSON with a name and a message, and tells nothing of the inside. */
function errorFaults({ status, headers, text }: Answer, ...expected: number[]): string[] {
  const body = parseObject(text)
  const isInside = /<html|<!doctype|<pre|node_modules|\/src\/|\n\s+at /i.test(text)
  const isJson = String(headers['content-type']).startsWith('application/json')
  const members = Object.keys(body ?? {}).sort()
  const faults = [
    ...(expected.includes(status) ? [] : [`status ${status}`]),
    ...(isJson ? [] : [`content-type ${headers['content-type']}`]),
    ...(isInside ? ['tells of the inside'] : []),
    ...(members.join() === 'error,message' ? [] : [`members ${members.join()}`]),
    ...(/^[A-Za-z]+$/.test(textOf(body?.['error'])) ? [] : ['no error name']),
    ...(/\S/.test(textOf(body?.['message'])) ? [] : ['no message']),
  ]
  return faults.length === 0 ? [] : [...faults, `body: ${text}`]
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    // What is no JSON has no members: that is told as a fault.
    return undefined
  }
}

/** A position of `secondsAgo`, in microseconds. */
const ago = (secondsAgo: number): number => (Date.now() - Math.round(secondsAgo * 1000)) * 1000

describe('describeFeedGenerator', () => {
  const answers = lexicon.bsky.feed.describeFeedGenerator.main.output.schema
  const uris = ['art', 'spoilt'].map((rkey) => `app.bsky.feed.generator/${rkey}`)

  test('names the service and every feed, without links when none are configured', async () => {
    await using app = await runApp({ feeds, env: { ...SERVING } })
    const body: unknown = await (await app.get(DESCRIBE)).json()
    expect(answers.safeParse(body)).toMatchObject({ success: true })
    const local = `did:web:localhost%3A${new URL(app.url).port}`
    expect(body).toEqual({
      did: local,
      feeds: uris.map((uri) => ({ uri: `at://${local}/${uri}` })),
    })
  })

  test('has the links, the host name and the publisher that are configured', async () => {
    const [privacyPolicy, termsOfService] = ['https://example.net/p?a=1', 'https://example.net/t']
    const env = {
      ...SERVING,
      FEEDGEN_HOSTNAME: HOSTNAME,
      FEEDGEN_PUBLISHER_DID: did(900),
      FEEDGEN_PRIVACY_POLICY_URL: privacyPolicy,
      FEEDGEN_TERMS_OF_SERVICE_URL: termsOfService,
    }
    await using app = await runApp({ feeds, env })
    const body: unknown = await (await app.get(DESCRIBE)).json()
    expect(answers.safeParse(body)).toMatchObject({ success: true })
    expect(body).toEqual({
      did: `did:web:${HOSTNAME}`,
      feeds: uris.map((uri) => ({ uri: `at://${did(900)}/${uri}` })),
      links: { privacyPolicy, termsOfService },
    })
  })

  test('leaves out the link that is not configured, and a did:plc needs no host name', async () => {
    const env = {
      ...SERVING,
      FEEDGEN_SERVICE_DID: did(901),
      FEEDGEN_TERMS_OF_SERVICE_URL: 'https://example.net/t',
    }
    await using app = await runApp({ feeds, env })
    expect(await (await app.get(DESCRIBE)).json()).toEqual({
      did: did(901),
      feeds: uris.map((uri) => ({ uri: `at://${did(901)}/${uri}` })),
      links: { termsOfService: 'https://example.net/t' },
    })
  })
})

describe('did.json', () => {
  const path = '/.well-known/did.json'

  test('is the document of the host name', async () => {
    const env = { ...SERVING, FEEDGEN_HOSTNAME: 'Feed.Example.NET' }
    await using app = await runApp({ feeds, env })
    // Nobody could publish its feeds.
    expect(app.logs.map(({ event }) => event)).toContain('publisherNotSet')
    const response = await app.get(path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^application\/(did\+)?(ld\+)?json/)
    expect(await response.json()).toEqual({
      '@context': expect.arrayContaining(['https://www.w3.org/ns/did/v1']) as unknown,
      id: `did:web:${HOSTNAME}`,
      service: [
        {
          id: '#bsky_fg',
          type: 'BskyFeedGenerator',
          serviceEndpoint: `https://${HOSTNAME}`,
        },
      ],
    })
  })

  test('is the document of this port in local mode', async () => {
    await using app = await runApp({ feeds, env: { ...SERVING } })
    const { port } = new URL(app.url)
    expect(await (await app.get(path)).json()).toMatchObject({
      id: `did:web:localhost%3A${port}`,
      service: [{ id: '#bsky_fg', serviceEndpoint: `http://localhost:${port}` }],
    })
  })

  test('is not there for a did:plc, with a host name or without', async () => {
    for (const hostname of ['', HOSTNAME]) {
      const identity = { FEEDGEN_SERVICE_DID: did(901), FEEDGEN_HOSTNAME: hostname }
      const env = { ...SERVING, ...identity }
      await using app = await runApp({ feeds, env })
      expect(errorFaults(await send(app, path), 404)).toEqual([])
    }
  })
})

describe('_health', () => {
  test('tells the state of ingest, from before the first event on', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await until(async () => (await app.health()).ingest.connected)
    const before = await app.health()
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    expect(before.version).toBe((JSON.parse(manifest) as { version: string }).version)
    expect(before.ingest).toMatchObject({
      ...{ connected: true, positionUs: null, lagMs: null },
      ...{ eventsTotal: 0, rejectedTotal: 0, reconnectsTotal: 0 },
      host: expect.stringContaining(new URL(jetstream.url).host) as unknown,
    })
    const timeUs = ago(5)
    jetstream.append(createPost({ timeUs, tags: ['art'] }), faults.malformedJson(timeUs))
    await app.untilCommitted(timeUs)
    const after = await until(async () => {
      const { ingest } = await app.health()
      return ingest.rejectedTotal === 1 && ingest
    })
    expect(after).toMatchObject({ connected: true, positionUs: timeUs })
    expect(after.eventsTotal).toBeGreaterThanOrEqual(1)
    expect(after.lagMs).toBeGreaterThanOrEqual(5_000)
    expect(after.lagMs).toBeLessThan(5_000 + 10_000)
  })

  test('counts re-connections, and answers 200 while there is no stream', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    const timeUs = ago(2)
    await jetstream.waitForConnection()
    jetstream.append(createPost({ timeUs, tags: ['art'] }))
    await app.untilCommitted(timeUs)
    await jetstream.stopListening()
    await until(async () => !(await app.health()).ingest.connected)
    expect((await app.get('/xrpc/_health')).status).toBe(200)
    expect((await app.health()).ingest).toMatchObject({ connected: false, positionUs: timeUs })
    await jetstream.listenAgain()
    await until(async () => (await app.health()).ingest.connected)
    expect((await app.health()).ingest.reconnectsTotal).toBeGreaterThanOrEqual(1)
  })

  test('has the committed position from the start when there is one already', async () => {
    await using jetstream = await openJetstreamServer()
    const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url }
    await using app = await runApp({ feeds, env })
    const timeUs = ago(2)
    await jetstream.waitForConnection()
    jetstream.append(createPost({ timeUs, tags: ['art'] }))
    await app.untilCommitted(timeUs)
    expect(await app.stop()).toBe(0)
    const unreachable = { FEEDGEN_JETSTREAM_URLS: NOWHERE }
    await using again = await runApp({ feeds, folder: app.folder, env: unreachable })
    await again.untilCommitted(timeUs)
    expect((await again.health()).ingest).toMatchObject({ connected: false, positionUs: timeUs })
  })
})

describe('/ready', () => {
  const isReady = async (app: RunningApp): Promise<boolean> => (await app.get('/ready')).ok

  test('says no until a fresh event is committed, and no again while the last one is old', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await until(async () => (await app.health()).ingest.connected)
    const before = await send(app, '/ready')
    expect(before.status).toBe(503)
    expect(before.text).toMatch(/event|stream|lag/i)
    for (const [secondsAgo, ready] of [
      [90, false],
      [61, false],
      [5, true],
      [0, true],
    ] as const) {
      const timeUs = ago(secondsAgo)
      jetstream.append(createPost({ timeUs, tags: ['art'] }))
      await app.untilCommitted(timeUs)
      expect([secondsAgo, await isReady(app)]).toEqual([secondsAgo, ready])
    }
  })

  test('names how far behind the stream is', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await jetstream.waitForConnection()
    const timeUs = ago(600)
    jetstream.append(createPost({ timeUs, tags: ['art'] }))
    await app.untilCommitted(timeUs)
    const { status, text } = await send(app, '/ready')
    expect(status).toBe(503)
    expect(text).toMatch(/behind|lag/i)
    expect(text).toMatch(/60\d/)
  })

  test('says no when the stream cannot be reached, and names the reason', async () => {
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: NOWHERE } })
    const answer = await until(async () => {
      const found = await send(app, '/ready')
      return /connect/i.test(found.text) && found
    })
    expect(answer.status).toBe(503)
  })

  test('still says yes right after the stream is gone', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await jetstream.waitForConnection()
    const timeUs = ago(1)
    jetstream.append(createPost({ timeUs, tags: ['art'] }))
    await app.untilCommitted(timeUs)
    expect(await isReady(app)).toBe(true)
    await jetstream.stopListening()
    await until(async () => !(await app.health()).ingest.connected)
    expect(await isReady(app)).toBe(true)
  })
})

describe('over HTTP', () => {
  const stack = new AsyncDisposableStack()
  const rkeys = ['3aaaaaaaaaa2a', '3aaaaaaaaaa2b', '3aaaaaaaaaa2c']
  let jetstream: JetstreamServer
  let app: RunningApp
  let art: string

  beforeAll(async () => {
    jetstream = stack.use(await openJetstreamServer())
    app = stack.use(await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } }))
    await jetstream.waitForConnection()
    const timeUs = ago(1)
    const options = { timeUs, tags: ['art'], text: '<b>bold</b>' }
    jetstream.append(...rkeys.map((rkey) => createPost({ ...options, rkey })))
    await app.untilCommitted(timeUs)
    art = `${SKELETON}?feed=${encodeURIComponent(app.feedUri('art'))}`
  })
  afterAll(() => stack.disposeAsync())

  test('/metrics is Prometheus text, whatever was asked for before', async () => {
    const names = ['evil"\n{}', 'x'.repeat(300), 'zzqq']
    for (const name of names) {
      const feed = `at://${did(1)}/app.bsky.feed.generator/${name}`
      await send(app, `${SKELETON}?feed=${encodeURIComponent(feed)}`)
      await send(app, `/xrpc/zzqq.example.${name.replaceAll(/\W/g, '')}`)
    }
    await send(app, art)
    const { status, headers, text } = await send(app, '/metrics')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/plain;(.*; ?)? ?version=0\.0\.4(;|$)/)
    expect(prometheusFaults(text)).toEqual([])
    expect(text).not.toMatch(/zzqq|evil/)
    expect(text).toMatch(/^feedgen_\w+/m)
  })

  test('/ shows the feeds with a preview, the state of ingest, and escapes every name', async () => {
    const { status, headers, text } = await send(app, '/')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/html; ?charset=utf-8$/i)
    expect(text).toMatch(/^\s*<!doctype html>/i)
    expect(text).toContain('Art of today')
    expect(text).toContain('Pictures')
    for (const rkey of rkeys) {
      expect(text).toContain(rkey)
    }
    expect(text).toMatch(/<td>Stream<\/td>\s*<td>connected<\/td>/)
    expect(text).not.toContain(new URL(jetstream.url).host)
    expect(text).not.toContain(SCRIPT)
    expect(text).not.toMatch(/<img|<b>|<script>x/)
    expect(text).toContain('&lt;script&gt;x&lt;/script&gt;')
    expect(text).toContain('&lt;img src=x onerror=alert(1)&gt; &amp; ')
  })

  describe('an unknown method', () => {
    test.each([
      'app.bsky.feed.getTimeline',
      'app.bsky.feed.getFeedSkeletons',
      'com.example.nope',
      'com.atproto.server.describeServer',
    ])('is answered with MethodNotImplemented: %s', async (method) => {
      for (const verb of ['GET', 'POST']) {
        const answer = await send(app, `/xrpc/${method}?a=1`, { method: verb })
        expect(errorFaults(answer, 501)).toEqual([])
        expect(JSON.parse(answer.text)).toMatchObject({ error: 'MethodNotImplemented' })
        expect(answer.headers['access-control-allow-origin']).toBe('*')
      }
    })

    test.each([
      ...['/xrpc', '/xrpc/', '/xrpc/x', '/xrpc/a/b', '/xrpc/app.bsky.feed.getFeedSkeleton/x'],
      ...['/xrpc/constructor', '/xrpc/__proto__', '/xrpc/%00', '/xrpc/_nope', '/xrpc/..%2f..'],
      '/xrpc/app.bsky.feed.describeFeedGenerator%20',
    ])('is told in JSON when it is no method at all: %s', async (path) => {
      expect(errorFaults(await send(app, path), 400, 404, 501)).toEqual([])
    })
  })

  test.each([
    ...[
      '/nope',
      '/favicon.png',
      '/.env',
      '/feeds.yaml',
      '/package.json',
      '/index.html',
      '/ready/x',
    ],
    ...['/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '//', '//example.com/', '/xrpcx'],
    ...['/.well-known', '/.well-known/', '/.well-known/nope', '/constructor', '/<script>'],
  ])('an unknown path is answered in JSON: %s', async (path) => {
    const answer = await send(app, path)
    expect(errorFaults(answer, 400, 404)).toEqual([])
    expect(answer.text).not.toContain('root:')
  })

  test.each([
    ['POST', SKELETON],
    ['PUT', SKELETON],
    ['DELETE', SKELETON],
    ['PATCH', DESCRIBE],
    ['POST', DESCRIBE],
    ['POST', '/xrpc/_health'],
    ['POST', '/ready'],
    ['POST', '/metrics'],
    ['POST', '/'],
    ['DELETE', '/'],
    ['PUT', '/.well-known/did.json'],
  ])('the wrong verb is answered in JSON: %s %s', async (method, path) => {
    const body = '{"feed":1}'
    const headers = { 'content-type': 'application/json', 'content-length': String(body.length) }
    expect(
      errorFaults(await send(app, path, { method, headers, body }), 400, 404, 405, 501),
    ).toEqual([])
  })

  test.each([
    ...['/%', '/%E0%A4%A', '/%ff', '/xrpc/%', '/xrpc/%E0%A4%A', '/.well-known/%zz'],
    ...[`${SKELETON}%`, `${SKELETON}?feed=%`, `${SKELETON}?feed=%E0%A4%A`, `${SKELETON}?%=%`],
  ])('a path with malformed percent-encoding is answered in JSON: %s', async (path) => {
    expect(errorFaults(await send(app, path), 400, 404)).toEqual([])
  })

  test.each<[string, () => string]>([
    ['a cursor of 10,000 characters', () => `${art}&cursor=${'a'.repeat(10_000)}`],
    ['2,000 parameters', () => `${art}&limit=0${'&a=1'.repeat(2_000)}`],
    ['a feed of 10,000 characters', () => `${SKELETON}?feed=at://${'a'.repeat(10_000)}`],
    ['brackets 1,000 deep', () => `${SKELETON}?feed${'[a]'.repeat(1_000)}=x`],
    ['a cursor of 20,000 characters', () => `${art}&cursor=${'a'.repeat(20_000)}`],
  ])('a huge query string is answered in JSON: %s', async (_, path) => {
    expect(errorFaults(await send(app, path()), 400, 413, 414, 431)).toEqual([])
    expect((await app.get('/xrpc/_health')).status).toBe(200)
  })

  test.each(['__proto__[x]=1', 'constructor=1', 'a[]=1', 'a[b][c]=1', '&&=&=', 'limit[]=5'])(
    'a strange parameter harms nobody: %s',
    async (parameter) => {
      const answer = await send(app, `${art}&${parameter}`)
      const isPage = answer.status === 200 && parseObject(answer.text)?.['feed'] !== undefined
      expect(isPage ? [] : errorFaults(answer, 400)).toEqual([])
    },
  )

  test('HEAD is answered as GET is, without a body', async () => {
    for (const path of ['/', '/ready', '/metrics', '/xrpc/_health', '/.well-known/did.json']) {
      const head = await send(app, path, { method: 'HEAD' })
      expect({ ...head, path }).toMatchObject({ path, status: 200, text: '' })
    }
    for (const [path, status] of [
      [art, 200],
      [DESCRIBE, 200],
      [SKELETON, 400],
      ['/nope', 404],
    ] as const) {
      const head = await send(app, path, { method: 'HEAD' })
      expect({ ...head, path }).toMatchObject({ path, status, text: '' })
    }
  })

  test.each<[what: string, path: () => string, status: number]>([
    ['an answer', () => art, 200],
    ['another answer', () => DESCRIBE, 200],
    ['the health', () => '/xrpc/_health', 200],
    ['a refused parameter', () => `${art}&limit=0`, 400],
    ['a missing parameter', () => SKELETON, 400],
    ['an unknown feed', () => `${SKELETON}?feed=at://${did(1)}/a.b.c/x`, 400],
    ['a method that is not there', () => '/xrpc/com.example.nope', 501],
  ])('%s may be read by any page', async (_, path, status) => {
    const headers = { origin: 'https://client.example' }
    const answer = await send(app, path(), { headers })
    expect(answer.status).toBe(status)
    expect(answer.headers['access-control-allow-origin']).toBe('*')
  })

  test.each([
    ['GET', 'getFeedSkeleton', 'authorization'],
    ['GET', 'getFeedSkeleton', 'authorization, atproto-accept-labelers, accept-language'],
    ['POST', 'sendInteractions', 'authorization, content-type'],
  ])('a page may ask for leave to %s %s with %s', async (verb, method, asked) => {
    const answer = await send(app, `/xrpc/app.bsky.feed.${method}`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://client.example',
        'access-control-request-method': verb,
        'access-control-request-headers': asked,
      },
    })
    expect([200, 204]).toContain(answer.status)
    expect(answer.headers['access-control-allow-origin']).toBe('*')
    const listOf = (name: string): string[] =>
      String(answer.headers[name])
        .split(',')
        .map((part) => part.trim().toLowerCase())
    const methods = listOf('access-control-allow-methods')
    expect(methods.includes(verb.toLowerCase()) || methods.includes('*')).toBe(true)
    const allowed = listOf('access-control-allow-headers')
    // A star stands for every name but this one.
    expect(allowed).toContain('authorization')
    for (const name of asked.split(', ')) {
      expect(allowed.includes('*') ? name : allowed).toContain(name)
    }
  })

  test('nothing tells what the service is built with', async () => {
    const paths = ['/', '/ready', '/metrics', '/nope', '/xrpc/_health', DESCRIBE, SKELETON, art]
    for (const path of [...paths, '/xrpc/com.example.nope', '/xrpc/%', '/.well-known/did.json']) {
      for (const method of ['GET', 'POST', 'OPTIONS', 'HEAD']) {
        const { headers } = await send(app, path, { method })
        expect(headers).not.toHaveProperty('x-powered-by')
      }
    }
  })

  test('errors have a message for a reader, and repeat nothing that could be markup', async () => {
    for (const path of [
      `${SKELETON}?feed=${encodeURIComponent('<script>alert(1)</script>')}`,
      `${art}&limit=${encodeURIComponent('<script>')}`,
      `${art}&cursor=${encodeURIComponent('<script>')}`,
      `${SKELETON}?feed=at://${did(1)}/app.bsky.feed.generator/nope`,
    ]) {
      const answer = await send(app, path)
      expect(errorFaults(answer, 400)).toEqual([])
      expect(answer.text).not.toContain('<script>')
    }
  })
})

const SAMPLE =
  /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)(?: -?\d+)?$/
const NUMBER = /^(NaN|[+-]?Inf|[+-]?\d+(\.\d+)?(e[+-]?\d+)?)$/i
const TYPE = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)$/
const HELP = /^# HELP [a-zA-Z_:][\w:]* .+$/

/** Lines that break text format 0.0.4: a type once and first, a family in one piece, a series once. */
function prometheusFaults(text: string): string[] {
  const types = new Set<string>()
  const families: string[] = []
  const series = new Set<string>()
  const isGood = (line: string): boolean => {
    const type = TYPE.exec(line)?.[1]
    if (type !== undefined || line.startsWith('#')) {
      const isNew = type !== undefined && !types.has(type)
      types.add(type ?? '')
      return isNew || HELP.test(line)
    }
    const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? []
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')
    const isInPiece = families.at(-1) === family || !families.includes(family)
    const isNew = !series.has(name + labels)
    families.push(family)
    series.add(name + labels)
    return NUMBER.test(value) && types.has(family) && isInPiece && isNew
  }
  const lines = text.split('\n')
  return lines
    .slice(0, -1)
    .filter((line) => !isGood(line))
    .concat(lines.at(-1) ?? '')
    .filter(Boolean)
}
