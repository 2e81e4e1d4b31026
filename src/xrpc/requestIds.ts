import { createHash } from 'node:crypto'
import type { RegisteredFeed, Registry } from '../feeds/registry.ts'

const NAME_LENGTH = 12
const MINUTE_MS = 60_000

/**
 * The `reqId` of a page: which feed it was of, and when. The app sends it back with interactions, joined
 * with `|` to other texts, so that it is of the letters of base64url alone.
 */
export class RequestIds {
  readonly #names = new Map<string, string>()
  readonly #feeds = new Map<string, RegisteredFeed>()

  constructor({ feeds, find }: Registry) {
    for (const { uri } of feeds) {
      const name = createHash('sha256').update(uri).digest('base64url').slice(0, NAME_LENGTH)
      const registered = find(uri)
      this.#names.set(uri, name)
      if (registered !== undefined) {
        this.#feeds.set(name, registered)
      }
    }
  }

  /** For a page that is made now of a feed of ours. */
  make(uri: string): string {
    return `${this.#names.get(uri) ?? ''}${Math.floor(Date.now() / MINUTE_MS).toString(36)}`
  }

  feedOf(requestId: string): RegisteredFeed | undefined {
    return this.#feeds.get(requestId.slice(0, NAME_LENGTH))
  }
}
