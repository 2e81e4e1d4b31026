import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { answerFrom, openLocalServer } from '../../test/support/localServer.ts'
import { describeFetchFailure } from './describeFetchFailure.ts'
import { createGuardedFetch } from './guardedFetch.ts'

const strict = createGuardedFetch({ allowLocalNetwork: false })
const local = createGuardedFetch({ allowLocalNetwork: true })
const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../test/fixtures/tls/${name}`, import.meta.url))

async function failureOf(request: Promise<Response>): Promise<string> {
  try {
    await (await request).arrayBuffer()
  } catch (error) {
    return describeFetchFailure(error)
  }
  return 'no failure'
}

describe('a guarded fetch', () => {
  test.each([
    ['http://public.tagfeed.dev/', 'it is not https'],
    ['https://localhost/', 'not of the public network'],
    ['https://127.0.0.1/', 'it is an IP address'],
    ['https://10.0.0.1/', 'it is an IP address'],
    ['https://[::1]/', 'it is an IP address'],
    ['https://0x7f.1/', 'it is an IP address'],
    ['https://1.1.1.1/', 'it is an IP address'],
    ['https://public.tagfeed.dev:8443/', 'it names a port'],
    ['file:///etc/passwd', 'it is not https'],
  ])('refuses %s', async (url, reason) => {
    const failure = await failureOf(strict(url))
    expect(failure).toContain(reason)
    expect(failure).toContain('FEEDGEN_ALLOW_LOCAL_NETWORK')
  })

  test('does not reach a server on the loopback by its name', async () => {
    const asked: unknown[] = []
    await using server = await openLocalServer((request, response) => {
      asked.push(request.url)
      response.end()
    })
    await failureOf(strict(server.url.replace('http:', 'https:')))
    await failureOf(strict(server.url))
    expect(asked).toEqual([])
  })

  test('reaches it when local networks are allowed, with method, headers and body', async () => {
    await using server = await openLocalServer((request, response) => {
      response.setHeader('seen', `${request.method} ${String(request.headers['x-test'])}`)
      request.pipe(response)
    })
    const body = Buffer.alloc(300_000, 'é')
    const init = { method: 'POST', headers: { 'x-test': 'yes' }, body }
    const response = await local(server.url, init)
    expect(response.headers.get('seen')).toBe('POST yes')
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true)
  })

  test('follows no redirect, also when asked to', async () => {
    await using server = await openLocalServer((request, response) => {
      response.writeHead(request.url === '/' ? 302 : 200, { location: '/elsewhere' }).end()
    })
    const failure = await failureOf(local(server.url, { redirect: 'follow' }))
    expect(failure).toContain('redirects')
  })

  test('gives up on a server that says nothing, and on one that never ends', async () => {
    await using server = await openLocalServer((request, response) => {
      if (request.url === '/slow') {
        response.write('begun')
      }
    })
    const hasty = createGuardedFetch({ allowLocalNetwork: true, timeoutMs: 200 })
    expect(await failureOf(hasty(`${server.url}/nothing`))).toBe('no answer in time')
    expect(await failureOf(hasty(`${server.url}/slow`))).toBe('no answer in time')
  })

  test('gives up also when the garbage collector comes by meanwhile', async () => {
    await using server = await openLocalServer((request, response) => {
      if (request.url === '/slow') {
        response.write('begun')
      }
    })
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const timer = setInterval(collect, 20)
    const hasty = createGuardedFetch({ allowLocalNetwork: true, timeoutMs: 500 })
    const { signal } = new AbortController()
    for (const path of ['nothing', 'slow']) {
      const failure = await failureOf(hasty(`${server.url}/${path}`, { signal }))
      expect(failure).toBe('no answer in time')
    }
    clearInterval(timer)
  })

  test.each([true, false])('refuses an answer that is too large, length told: %s', async (told) => {
    await using server = await openLocalServer((_request, response) => {
      response.writeHead(200, told ? { 'content-length': 2_000 } : {})
      response.end(Buffer.alloc(2_000))
    })
    const small = createGuardedFetch({ allowLocalNetwork: true, maxBytes: 1_000 })
    expect(await failureOf(small(server.url))).toBe('the answer is too large')
  })

  test('ends when the caller does', async () => {
    await using server = await openLocalServer(() => {})
    const failure = failureOf(local(server.url, { signal: AbortSignal.abort(new Error('stop')) }))
    expect(await failure).toContain('stop')
  })

  test('says what is wrong with a certificate, and that nothing listens', async () => {
    const handler = answerFrom({})
    const secure = { key: fixture('localhost-key.pem'), cert: fixture('localhost-cert.pem') }
    await using server = await openLocalServer(handler, secure)
    expect(await failureOf(local(server.url))).toContain('nobody trusts it')
    const { url } = server
    await server[Symbol.asyncDispose]()
    expect(await failureOf(local(url))).toContain('nobody listens there')
  })
})
