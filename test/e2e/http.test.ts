import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPost, did } from '../support/events.ts'
import {
  DESCRIBE,
  SCRIPT,
  ago,
  errorFaults,
  feeds,
  parseObject,
  send,
} from '../support/httpBench.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'

const SKELETON = '/xrpc/app.bsky.feed.getFeedSkeleton'

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

  test('/ shows the feeds as cards and whether all is well, and escapes every name', async () => {
    const { status, headers, text } = await send(app, '/')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/html; ?charset=utf-8$/i)
    expect(headers['content-security-policy']).not.toMatch(/unsafe|script-src/)
    expect(text).toMatch(/^\s*<!doctype html>/i)
    expect(text).toContain('All is well: 2 feeds, 3 posts in the last hour.')
    expect(text).toContain('Art of today')
    expect(text).toContain('Pictures')
    expect(text).toContain('href="/feeds/art"')
    expect(text).toMatch(/https:\/\/bsky\.app\/profile\/did:web:localhost%3A\d+\/feed\/art"/)
    expect(text).toMatch(/3 posts in the last 24 h, 3 in the last hour/)
    expect(text).toMatch(/live · \d+\.\d s behind/)
    expect(text).not.toContain(new URL(jetstream.url).host)
    expect(text).not.toContain(SCRIPT)
    expect(text).not.toMatch(/<img|<b>bold|<script/)
    expect(text).toContain('&lt;script&gt;x&lt;/script&gt;')
    expect(text).toContain('&lt;img src=x onerror=alert(1)&gt; &amp; ')
  })

  test.each([
    ['/robots.txt', /^text\/plain/],
    ['/favicon.ico', /^image\//],
  ])('%s is there', async (path, type) => {
    const { status, headers, text } = await send(app, path)
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(type)
    expect(text.length).toBeGreaterThan(20)
  })

  test('the stylesheet has its digest in its name, and may be kept for ever', async () => {
    const { text } = await send(app, '/')
    const path = /href="(\/style-[0-9a-f]{16}\.css)"/.exec(text)?.[1] ?? ''
    const { status, headers } = await send(app, path)
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/css/)
    expect(headers['cache-control']).toContain('immutable')
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
