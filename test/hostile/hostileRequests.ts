/** A seeded fuzzer of HTTP requests: what a hostile, broken or very odd client sends. */
import type { Random } from '../support/streamGenerator.ts'
import { hostileText } from './hostileValues.ts'

export interface HostileRequest {
  readonly bytes: Buffer
  readonly isHead: boolean
  /** Nothing can follow it on its connection: the service may close, or wait for more. */
  readonly isLast: boolean
}

export interface Targets {
  readonly feedUris: readonly string[]
  /** Real cursors, of any of the feeds. */
  readonly cursors: readonly string[]
}

const SKELETON = '/xrpc/app.bsky.feed.getFeedSkeleton'
const PATHS = [
  ...['/', '/metrics', '/xrpc/_health', '/.well-known/did.json', '/xrpc', '/xrpc/', '/xrpc//'],
  ...['/xrpc/app.bsky.feed.describeFeedGenerator', '/xrpc/app.bsky.feed.sendInteractions'],
  ...['/xrpc/app.bsky.feed.getFeedSkeleton/', '/xrpc/app.bsky.feed.getFeed', '/xrpc/__proto__'],
  ...['/xrpc/constructor', '/xrpc/%00', '/xrpc/%', '/%c0%ae%c0%ae/etc/passwd', '/../../etc/passwd'],
  ...['/xrpc/..%2f..%2fready', '//evil.example/xrpc', '/XRPC/_HEALTH', '/favicon.ico', '/%ff', '*'],
  ...['/xrpc/app.bsky.feed.getFeedSkeleton%00', '/xrpc/app.bsky.feed.getFeedSkeleton;x=1', '/?'],
]
const METHODS = ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'QUERY']
const TOKENS = [
  ...['', 'Bearer', 'Bearer ', 'Bearer x', 'Bearer a.b.c', 'Basic YTpi', 'bearer null', '\x01\x02'],
  ...[`Bearer ${'a'.repeat(6_000)}`, 'Bearer eyJhbGciOiJub25lIn0.e30.', 'Bearer ....', 'DPoP é'],
]
const HEADERS = [
  ...[
    'Accept-Encoding: gzip, br, \x7f',
    'Accept: */*;q=x',
    'Range: bytes=0-1,5-',
    'Cookie: a=b; =',
  ],
  ...[
    'If-None-Match: *',
    'If-Modified-Since: never',
    'Expect: nothing',
    'Upgrade: h2c',
    'TE: gzip',
  ],
  ...['X-Forwarded-For: \xff\xfe', 'Host: evil.example', 'Origin: null', 'Content-Type: text/html'],
  ...['Connection: keep-alive, Upgrade', '__proto__: x', 'constructor: y', 'Accept-Language: ٣'],
  ...['Content-Encoding: gzip', 'Atproto-Accept-Labelers: ,,,;;', 'Connection: close, close'],
]

/** One request after the other; most can be sent in one connection with others. */
export function hostileRequest(random: Random, targets: Targets): HostileRequest {
  const kind = random.below(100)
  if (kind < 4) {
    return { bytes: brokenRequest(random), isHead: false, isLast: true }
  }
  const method = kind < 12 ? random.pick(METHODS) : 'GET'
  const path = kind < 25 ? random.pick(PATHS) : `${SKELETON}?${hostileQuery(random, targets)}`
  const target = random.chance(0.03) ? `http://evil.example${path}` : path
  const headers = ['Host: feed.example', ...hostileHeaders(random)]
  let body = ''
  if (method !== 'GET' && method !== 'HEAD' ? random.chance(0.5) : random.chance(0.02)) {
    body = random.pick(['{', '{}', '[]', '{"interactions":[{}]}', '\0', 'x'.repeat(5_000)])
    headers.push(
      ...(random.chance(0.5)
        ? ['Transfer-Encoding: chunked']
        : [`Content-Length: ${Buffer.byteLength(body)}`]),
    )
    body = headers.includes('Transfer-Encoding: chunked')
      ? `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`
      : body
  }
  const head = `${method} ${target} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`
  // The parser ends the connection at what it does not take.
  const isLast =
    /^(connection|expect|upgrade|host: evil)|[^\n\x20-\x7e\x80-\xff]/im.test(headers.join('\n')) ||
    !/^[\x21-\xff]+$/.test(target) ||
    head.length > 8_000
  return { bytes: Buffer.from(head + body, 'latin1'), isHead: method === 'HEAD', isLast }
}

function hostileHeaders(random: Random): string[] {
  const headers: string[] = []
  if (random.chance(0.15)) {
    headers.push(`Authorization: ${random.pick(TOKENS)}`)
  }
  if (random.chance(0.15)) {
    headers.push(random.pick(HEADERS))
  }
  if (random.chance(0.01)) {
    headers.push(...Array.from({ length: 300 }, (_, index) => `X-${index}: ${index}`))
  }
  return headers
}

function hostileQuery(random: Random, targets: Targets): string {
  const feed = random.chance(0.8) ? random.pick(targets.feedUris) : hostileText(random)
  const limit = random.pick([
    '',
    '0',
    '1',
    '100',
    '101',
    '-1',
    '1e2',
    '٣',
    '0x10',
    '9'.repeat(30),
    ' 5',
  ])
  const parts = [
    `feed=${encode(random, random.chance(0.1) ? flip(random, feed) : feed)}`,
    ...(random.chance(0.5) ? [`limit=${encode(random, random.chance(0.6) ? '10' : limit)}`] : []),
    ...(random.chance(0.7) ? [`cursor=${encode(random, hostileCursor(random, targets))}`] : []),
    ...(random.chance(0.1)
      ? [`${encode(random, hostileText(random))}=${encode(random, 'x')}`]
      : []),
    ...(random.chance(0.05)
      ? [random.pick(['&&', '=', '%', 'feed', 'cursor=', 'limit', 'feed[]=x', '#', ';'])]
      : []),
  ]
  return random.chance(0.1) ? parts.toReversed().join('&') : parts.join('&')
}

function hostileCursor(random: Random, { cursors }: Targets): string {
  const real = random.pick(cursors)
  switch (random.below(8)) {
    case 0:
    case 1:
      return real
    case 2: {
      const bytes = Buffer.from(real, 'base64url')
      const at = random.below(bytes.length)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
      return bytes.toString('base64url')
    }
    case 3:
      return flip(random, real)
    case 4:
      return randomBytes(random, random.below(200)).toString('base64url')
    case 5:
      return real.slice(0, random.below(real.length))
    case 6:
      return real + random.pick(['=', 'A', ' ', '\0', real])
    default:
      return hostileText(random)
  }
}

/** As a URL wants it, mostly; never with a byte that ends the request line. */
function encode(random: Random, text: string): string {
  if (random.chance(0.05)) {
    return text.replaceAll(/[^\x21-\x7e]|[#&]/g, '%')
  }
  return encodeURIComponent(text.toWellFormed())
}

function flip(random: Random, text: string): string {
  const at = random.below(text.length)
  return text.slice(0, at) + String.fromCharCode(33 + random.below(90)) + text.slice(at + 1)
}

const randomBytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random.below(256)))

/** What is no HTTP, or only nearly: the parser answers it, or the connection ends. */
function brokenRequest(random: Random): Buffer {
  const get = `GET ${SKELETON} HTTP/1.1\r\n`
  const host = 'Host: feed.example\r\n'
  const text = random.pick([
    `${get}\r\n`,
    `${get}${host}Content-Length: 10\r\n\r\nabc`,
    `${get}${host}Content-Length: -1\r\n\r\n`,
    `${get}${host}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    `${get}${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${get}${host}Transfer-Encoding: chunked\r\n\r\nZZ\r\n`,
    `${get}${host}Transfer-Encoding: gzip, chunked, x\r\n\r\n`,
    `${get}${host}${host}\r\n`,
    `${get}${host}X: a\r\n b\r\n\r\n`,
    `${get}${host}X: ${'a'.repeat(20_000)}\r\n\r\n`,
    `${get}${host}${Array.from({ length: 3_000 }, (_, n) => `X${n}: y\r\n`).join('')}\r\n`,
    `GET ${SKELETON}?${'a'.repeat(30_000)} HTTP/1.1\r\n${host}\r\n`,
    `GET ${SKELETON}?feed=\x00 HTTP/1.1\r\n${host}\r\n`,
    `GET ${SKELETON}?feed=a b HTTP/1.1\r\n${host}\r\n`,
    `get / HTTP/1.1\r\n${host}\r\n`,
    `FOO / HTTP/1.1\r\n${host}\r\n`,
    `CONNECT feed.example:443 HTTP/1.1\r\n${host}\r\n`,
    `GET / HTTP/9.9\r\n${host}\r\n`,
    `GET / HTTP/1.0\r\n\r\n`,
    `GET /\r\n\r\n`,
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03`,
    `\r\n\r\n\r\n${get}${host}\r\n`,
    `${get}${host}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    `${get}${host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
    `POST /xrpc/app.bsky.feed.sendInteractions HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{`,
  ])
  const bytes = random.chance(0.1) ? randomBytes(random, 200) : Buffer.from(text, 'latin1')
  return random.chance(0.2) ? bytes.subarray(0, random.below(bytes.length)) : bytes
}
