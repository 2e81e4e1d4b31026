import { createPost } from './events.ts'
import type { CommitEvent, PostOptions } from './events.ts'
import type { Frame, JetstreamServer } from './jetstreamServer.ts'
import { runApp } from './runApp.ts'
import type { RunningApp } from './runApp.ts'

export const SECOND_US = 1_000_000
export const HOUR_US = 3_600 * SECOND_US
const FEEDS = `feeds:
  - { rkey: art, name: Art, tags: [art] }
`

export const nowUs = (): number => Date.now() * 1000
export const uriOf = ({ did, commit }: CommitEvent): string =>
  `at://${did}/app.bsky.feed.post/${commit.rkey}`
export const hostOf = (server: JetstreamServer): string => new URL(server.url).host
const urlsOf = (servers: readonly JetstreamServer[]): string =>
  servers.map(({ url }) => url).join(',')

/** Moments of the past, a second apart: a service that resumes is sent the last few again. */
export function openClock(startUs = nowUs() - HOUR_US) {
  let timeUs = startUs
  return { tick: () => (timeUs += SECOND_US), now: () => timeUs }
}
type Clock = ReturnType<typeof openClock>

export const post = (clock: Clock, options: Partial<PostOptions> = {}): CommitEvent =>
  createPost({ timeUs: clock.tick(), tags: ['art'], ...options })

/** Passes every filter of the server, as a frame does that was never asked for. */
export const unasked = (event: unknown, timeUs: number): Frame => ({
  timeUs,
  data: Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)),
  binary: false,
})

export const runReader = (
  servers: JetstreamServer | readonly JetstreamServer[],
  env: Record<string, string> = {},
  more: { feeds?: string; folder?: string } = {},
): Promise<RunningApp> =>
  runApp({
    ...{ feeds: FEEDS, ...more },
    env: { FEEDGEN_JETSTREAM_URLS: urlsOf([servers].flat()), ...env },
  })
