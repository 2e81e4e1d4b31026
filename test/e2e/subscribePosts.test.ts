import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { main as getActivityLexicon } from '../../src/lexicons/app/tagfeed/getActivity.ts'
import { $message as subscriptionMessage } from '../../src/lexicons/app/tagfeed/subscribePosts.ts'
import { temporaryFolder } from '../support/databases.ts'
import { accountEvent, createPost, deletePost, did, tid, updatePost } from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { until } from '../support/until.ts'

const METHOD = '/xrpc/app.tagfeed.subscribePosts'

interface Payload {
  readonly $type: string
  readonly seq: number
  readonly uri?: string
  readonly did?: string
  readonly active?: boolean
  readonly tags?: string[]
  readonly cid?: string
}

interface Frame {
  readonly $type: string
  readonly payload: Payload
  readonly error?: string
}

/** A subscriber; what it gets is held against the lexicon. */
function subscribe(app: Pick<RunningApp, 'url'>, search: string, protocols: string[] = []) {
  const socket = new WebSocket(`${app.url.replace('http', 'ws')}${METHOD}?${search}`, protocols)
  const frames: Frame[] = []
  socket.on('message', (data, isBinary) => {
    expect(isBinary).toBe(false)
    const frame = JSON.parse((data as Buffer).toString()) as Frame
    const isValid =
      frame.$type !== 'message' || subscriptionMessage.safeParse(frame.payload).success
    expect([isValid, frame]).toEqual([true, frame])
    frames.push(frame)
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
  opened.catch(() => {})
  const told = () => frames.map(({ payload }) => tell(payload))
  return { socket, frames, closed, opened, told }
}

const tell = ({ $type, uri, tags, did: account, active }: Payload): string =>
  $type.endsWith('#account')
    ? `account ${account ?? ''} ${String(active)}`
    : `${$type.split('#')[1] ?? ''} ${uri?.split('/').at(-1) ?? ''} ${tags?.join() ?? ''}`

/** With headers that `fetch` does not send. */
function answerTo(url: string, headers: Record<string, string>) {
  return new Promise<{ status: number; body: unknown }>((resolve, reject) => {
    request(url, { headers }, (response) => {
      let text = ''
      response.on('data', (data) => (text += String(data)))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown }),
      )
    })
      .once('error', reject)
      .end()
  })
}

/** The answer to a handshake that is refused. */
function refusal(app: RunningApp, path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; body: unknown; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const socket = new WebSocket(`${app.url.replace('http', 'ws')}${path}`, { headers })
      socket.once('open', () => reject(new Error('it was accepted')))
      socket.once('error', () => {})
      socket.once('unexpected-response', (_request, response) => {
        let text = ''
        response.on('data', (data) => (text += String(data)))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: JSON.parse(text),
            headers: response.headers,
          }),
        )
      })
    },
  )
}

describe('subscribePosts', { timeout: 60_000 }, () => {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(temporaryFolder())
  let app: RunningApp
  let jetstream: JetstreamServer
  let us = (Date.now() - 600_000) * 1000
  const timeUs = (): number => (us += 1000)
  const start = async (): Promise<RunningApp> =>
    await runApp({ folder: folder.path, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
  beforeAll(async () => {
    jetstream = stack.use(await openJetstreamServer())
    app = await start()
    stack.defer(() => app[Symbol.asyncDispose]())
    await jetstream.waitForConnection()
  })
  afterAll(() => stack.disposeAsync())

  async function send(...events: JetstreamEvent[]): Promise<void> {
    jetstream.append(...events)
    await app.untilCommitted(Math.max(...events.map(({ time_us }) => time_us)))
  }
  let posts = 0
  const post = (author: string, tags: string[]) => {
    posts += 1
    const at = timeUs()
    return createPost({ did: author, timeUs: at, rkey: tid(at, posts), tags })
  }

  test('sends what happens as it happens, to whom it concerns', async () => {
    const author = did(1)
    const all = subscribe(app, '', ['xrpc.v1.json'])
    const art = subscribe(app, 'tags=%23Art&tags=ink')
    const both = subscribe(app, 'tags=ink&tags=art&match=all')
    await Promise.all([all.opened, art.opened, both.opened])
    expect([all.socket.protocol, art.socket.protocol]).toEqual(['xrpc.v1.json', ''])
    const first = post(author, ['Art'])
    const { rkey } = first.commit
    await send(first, post(author, ['cats']))
    await send(updatePost({ did: author, timeUs: timeUs(), rkey, tags: ['art', 'ink'] }))
    await send(deletePost({ did: author, timeUs: timeUs(), rkey }))
    await send(
      accountEvent({ did: author, timeUs: timeUs(), active: false, status: 'deactivated' }),
    )
    await until(() => all.frames.length >= 5 && art.frames.length >= 4 && both.frames.length >= 3)
    const told = [`create ${rkey} art`, `update ${rkey} art,ink`, `delete ${rkey} art,ink`]
    const gone = `account ${author} false`
    expect(art.told()).toEqual([...told, gone])
    expect(both.told()).toEqual([...told.slice(1), gone])
    expect(all.told()).toHaveLength(5)
    const seqs = all.frames.map(({ payload: { seq } }) => seq)
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    ;[all, art, both].forEach(({ socket }) => socket.close())
  })

  test('goes on after any event without gap or repeat, over restarts, while posts arrive', async () => {
    const author = did(2)
    const seen: Payload[] = []
    const from = subscribe(app, '')
    await from.opened
    await send(post(author, ['art']))
    await until(() => from.frames.length > 0)
    let cursor = (from.frames[0]?.payload.seq ?? 1) - 1
    from.socket.close()
    const codes: number[] = []
    for (let round = 0; round < 4; round += 1) {
      const { socket, frames, closed, opened } = subscribe(app, `tags=art&cursor=${cursor}`)
      await opened
      for (let step = 0; step < 20; step += 1) {
        await send(post(author, step % 3 === 0 ? ['cats'] : ['art']))
      }
      await until(() => frames.length > 3)
      if (round % 2 === 0) {
        await app.stop(round === 0 ? 'SIGTERM' : 'SIGKILL')
        codes.push((await closed).code)
        app = await start()
      } else {
        socket.terminate()
        await closed
      }
      seen.push(...frames.map(({ payload }) => payload))
      cursor = seen.at(-1)?.seq ?? cursor
    }
    expect(codes).toEqual([1001, 1006])
    const rest = subscribe(app, `tags=art&cursor=${cursor}`)
    await rest.opened
    const last = post(author, ['art'])
    await send(last)
    await until(() => rest.frames.some(({ payload }) => payload.uri?.endsWith(last.commit.rkey)))
    rest.socket.close()
    seen.push(...rest.frames.map(({ payload }) => payload))
    const events: { seq: number; uri: string }[] = []
    let page: string | undefined
    do {
      const search = `tags=art&limit=50&kinds=create${page === undefined ? '' : `&cursor=${page}`}`
      const response = await app.get(`/xrpc/app.tagfeed.getActivity?${search}`)
      const body = (await response.json()) as { events: typeof events; cursor?: string }
      expect(getActivityLexicon.output.schema.safeParse(body)).toMatchObject({ success: true })
      events.push(...body.events)
      page = body.cursor
    } while (page !== undefined)
    const own = events.filter(({ uri }) => uri.includes(author)).toReversed()
    expect(seen.map(({ seq, uri }) => ({ seq, uri }))).toEqual(
      own.map(({ seq, uri }) => ({ seq, uri })),
    )
  })

  test('refuses what is wrong before it begins, as JSON', async () => {
    const plain = await app.get(METHOD)
    expect(plain.status).toBe(426)
    expect(await plain.json()).toMatchObject({ error: 'UpgradeRequired' })
    for (const [search, name] of [
      ['cursor=-1', 'cursor'],
      ['cursor=1&cursor=2', 'cursor'],
      ['match=some', 'match'],
      ['tags=%23', 'tags'],
      [Array.from({ length: 21 }, (_, index) => `tags=t${index}`).join('&'), 'tags'],
    ] as const) {
      const { status, body } = await refusal(app, `${METHOD}?${search}`)
      expect([search, status]).toEqual([search, 400])
      expect(body).toMatchObject({
        error: 'InvalidRequest',
        message: expect.stringContaining(name) as unknown,
      })
    }
    const bad = await refusal(app, METHOD, { authorization: 'Bearer x' })
    expect(bad).toMatchObject({ status: 401, body: { error: 'BadJwt' } })
    expect(bad.headers['www-authenticate']).toBe('Bearer')
    const unknown = await refusal(app, '/xrpc/app.tagfeed.subscribeNothing')
    expect(unknown).toMatchObject({ status: 501, body: { error: 'MethodNotImplemented' } })
    const headers = { connection: 'upgrade', upgrade: 'websocket' }
    const noKey = await answerTo(`${app.url}${METHOD}`, headers)
    expect(noKey).toMatchObject({ status: 400, body: { error: 'InvalidRequest' } })
    const h2c = { connection: 'upgrade', upgrade: 'h2c' }
    expect(await answerTo(`${app.url}/xrpc/_health`, h2c)).toMatchObject({ status: 200 })
    expect(await answerTo(`${app.url}${METHOD}`, h2c)).toMatchObject({ status: 426 })
  })

  test('is for ten of an address, who send nothing, and ask for nothing that is yet to come', async () => {
    const future = subscribe(app, 'cursor=9007199254740991')
    expect(await future.closed).toEqual({ code: 1008, reason: 'FutureCursor' })
    expect(future.frames).toMatchObject([{ $type: 'error', error: 'FutureCursor' }])
    const ten = Array.from({ length: 10 }, () => subscribe(app, ''))
    await Promise.all(ten.map(({ opened }) => opened))
    const eleventh = await refusal(app, METHOD)
    expect(eleventh).toMatchObject({ status: 429, body: { error: 'RateLimitExceeded' } })
    expect(Number(eleventh.headers['retry-after'])).toBeGreaterThan(0)
    ten[0]?.socket.send('hello')
    expect(await ten[0]?.closed).toMatchObject({ code: 1008 })
    const again = await until(async () => {
      const next = subscribe(app, '')
      return await next.opened.then(
        () => next,
        () => undefined,
      )
    })
    ;[...ten, again].forEach(({ socket }) => socket.terminate())
  })
})
