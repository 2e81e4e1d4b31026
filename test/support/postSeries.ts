import { createPost, did } from './events.ts'
import type { CommitEvent, PostOptions } from './events.ts'
import type { JetstreamServer } from './jetstreamServer.ts'

export const MINUTE_US = 60_000_000
export const HOUR_US = 60 * MINUTE_US
export const nowUs = (): number => Date.now() * 1000
export const uriOf = ({ did, commit }: CommitEvent): string =>
  `at://${did}/app.bsky.feed.post/${commit.rkey}`

/** Posts of one feed, each later than the one before. */
export class Posts {
  readonly uris: string[] = []
  lastUs: number
  readonly #server: JetstreamServer

  constructor(server: JetstreamServer, startUs = nowUs() - HOUR_US) {
    this.#server = server
    this.lastUs = startUs
  }

  send(count: number, options: Partial<PostOptions> = {}): void {
    const events = Array.from({ length: count }, () =>
      createPost({ timeUs: (this.lastUs += 1000), did: did(1), tags: ['art'], ...options }),
    )
    this.uris.unshift(...events.map(uriOf).toReversed())
    this.#server.appendAll(events)
  }
}
