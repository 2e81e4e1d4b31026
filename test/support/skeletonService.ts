import { app as lexicon } from '@bsky/sdk/lexicons'
import { expect } from 'vitest'
import { did } from './events.ts'
import type { CommitEvent, JetstreamEvent } from './events.ts'
import { openJetstreamServer } from './jetstreamServer.ts'
import type { JetstreamServer } from './jetstreamServer.ts'
import { runApp } from './runApp.ts'
import type { RunOptions, RunningApp, SkeletonPage } from './runApp.ts'

export const PUBLISHER = did(900)

export const answers = lexicon.bsky.feed.getFeedSkeleton.main.output.schema

/** Times that grow with every call and lie a little in the past. */
export function createClock(startUs = (Date.now() - 600_000) * 1000): () => number {
  let us = startUs
  return () => (us += 1000)
}

export const uriOf = ({ did: author, commit }: CommitEvent): string =>
  `at://${author}/app.bsky.feed.post/${commit.rkey}`

export const yamlOf = (feeds: Readonly<Record<string, string>>): string =>
  `feeds:\n${Object.entries(feeds)
    .map(([rkey, definition]) => `  - { rkey: ${rkey}, name: ${rkey}, ${definition} }\n`)
    .join('')}`

export interface Service extends AsyncDisposable {
  readonly app: RunningApp
  readonly jetstream: JetstreamServer
  /** Sends, and waits until what was sent is committed. */
  send(...events: JetstreamEvent[]): Promise<void>
}

export async function startService(options: RunOptions): Promise<Service> {
  await using stack = new AsyncDisposableStack()
  const jetstream = stack.use(await openJetstreamServer())
  const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url, FEEDGEN_PUBLISHER_DID: PUBLISHER }
  const app = stack.use(await runApp({ ...options, env: { ...env, ...options.env } }))
  await jetstream.waitForConnection()
  const resources = stack.move()
  return {
    ...{ app, jetstream },
    send: async (...events) => {
      jetstream.append(...events)
      await app.untilCommitted(Math.max(...events.map(({ time_us }) => time_us)))
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** All pages, each of which keeps the rules that hold for every page. */
export async function readPages(
  app: RunningApp,
  rkey: string,
  limit: number,
): Promise<SkeletonPage[]> {
  const pages: SkeletonPage[] = []
  let cursor: string | undefined
  do {
    const page: SkeletonPage = await app.page(rkey, { limit, ...(cursor && { cursor }) })
    checkPage(page, limit, cursor)
    pages.push(page)
    cursor = page.cursor
  } while (cursor !== undefined)
  return pages
}

export function checkPage(page: SkeletonPage, limit: number, cursor?: string): void {
  const { feed, cursor: next } = page
  expect(answers.safeParse(page)).toMatchObject({ success: true })
  expect(feed.length).toBeLessThanOrEqual(limit)
  expect('cursor' in page ? next : 'left out').toMatch(/./)
  expect(next ?? 'none').not.toBe(cursor)
  expect(feed.length > 0 || next === undefined).toBe(true)
  for (const { post } of feed) {
    expect(post).toMatch(/^at:\/\/did:[a-z]+:[^/]+\/app\.bsky\.feed\.post\/[^/]+$/)
  }
}

export const postsOf = (pages: readonly SkeletonPage[]): string[] =>
  pages.flatMap(({ feed }) => feed.map(({ post }) => post))
