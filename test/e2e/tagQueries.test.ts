import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { main as getActivity } from '../../src/lexicons/app/tagfeed/getActivity.ts'
import { main as getTags } from '../../src/lexicons/app/tagfeed/getTags.ts'
import { createPost, deletePost, did, tid } from '../support/events.ts'
import type { CommitEvent } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

describe('queries about tags', { timeout: 60_000 }, () => {
  const stack = new AsyncDisposableStack()
  let app: RunningApp
  const posts: CommitEvent[] = []
  beforeAll(async () => {
    const jetstream = stack.use(await openJetstreamServer())
    app = stack.use(await runApp({ env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } }))
    await jetstream.waitForConnection()
    let us = (Date.now() - 600_000) * 1000
    for (let post = 0; post < 30; post += 1) {
      us += 1000
      const tags = post % 3 === 0 ? ['Art', '#Katzen'] : ['art']
      posts.push(createPost({ did: did(post % 5), timeUs: us, rkey: tid(us, post), tags }))
    }
    const { rkey } = (posts[0] as CommitEvent).commit
    const gone = deletePost({ did: did(0), timeUs: us + 1000, rkey })
    jetstream.append(...posts, gone)
    await app.untilCommitted(us + 1000)
  })
  afterAll(() => stack.disposeAsync())

  async function ask(query: string, init?: RequestInit): Promise<Answer> {
    const response = await app.get(`/xrpc/app.tagfeed.${query}`, init)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    const body = (await response.json()) as Answer['body']
    return { status: response.status, headers: response.headers, body }
  }

  test('get what has happened, page by page, as the lexicon has it', async () => {
    const kinds: unknown[] = []
    let cursor: string | undefined
    do {
      const more = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const { status, body } = await ask(`getActivity?tags=KATZEN&limit=4${more}`)
      expect(status).toBe(200)
      expect(getActivity.output.schema.safeParse(body)).toMatchObject({ success: true })
      kinds.push(...(body['events'] as { kind: string }[]).map(({ kind }) => kind))
      cursor = body['cursor'] as string | undefined
    } while (cursor !== undefined)
    expect(kinds).toEqual(['delete', ...Array.from({ length: 10 }, () => 'create')])
  })

  test('get tags with their counts, as the lexicon has it', async () => {
    const { status, body } = await ask('getTags')
    expect(status).toBe(200)
    expect(getTags.output.schema.safeParse(body)).toMatchObject({ success: true })
    expect(body['tags']).toMatchObject([
      { tag: 'art', posts: 29, authors: 5, before: 0 },
      { tag: 'katzen', posts: 9, authors: 5, before: 0 },
    ])
    const [first] = body['tags'] as { history: number[] }[]
    expect(first?.history).toEqual([...Array.from({ length: 23 }, () => 0), 29])
    const named = await ask('getTags?tags=none&tags=%23ART&hours=168')
    expect(named.body['tags']).toMatchObject([
      { tag: 'art', posts: 29 },
      { tag: 'none', posts: 0 },
    ])
    const found = await ask('getTags?prefix=Kat&limit=1')
    expect(found.body['tags']).toMatchObject([{ tag: 'katzen' }])
  })

  test.each([
    ['getActivity', 'tags'],
    ['getActivity?tags=', 'tags'],
    ['getActivity?tags=%23', 'tags'],
    [`getActivity?${Array.from({ length: 21 }, () => 'tags=a').join('&')}`, 'tags'],
    ['getActivity?tags=a&match=both', 'match'],
    ['getActivity?tags=a&kinds=create&kinds=change', 'kinds'],
    ['getActivity?tags=a&limit=51', 'limit'],
    ['getActivity?tags=a&limit=1&limit=1', 'limit'],
    ['getActivity?tags=a&cursor=abc', 'cursor'],
    ['getActivity?tags=a&until=yesterday', 'until'],
    ['getTags?prefix=a&tags=b', 'prefix'],
    ['getTags?prefix=%23', 'prefix'],
    ['getTags?hours=0', 'hours'],
    ['getTags?hours=169', 'hours'],
    ['getTags?hours=1.5', 'hours'],
    ['getTags?order=falling', 'order'],
    ['getTags?limit=101', 'limit'],
    [`getTags?${Array.from({ length: 51 }, () => 'tags=a').join('&')}`, 'tags'],
  ])('%s is refused by the name of what is wrong', async (query, name) => {
    const { status, body } = await ask(query)
    expect([status, body['error']]).toEqual([400, 'InvalidRequest'])
    expect(body['message']).toContain(name)
  })

  test('take no wrong token and no other verb', async () => {
    const init = { headers: { authorization: 'Bearer x' } }
    for (const query of ['getActivity?tags=a', 'getTags']) {
      const { status, headers } = await ask(query, init)
      expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
      expect(await ask(query, { method: 'POST' })).toMatchObject({ status: 400 })
    }
  })
})
