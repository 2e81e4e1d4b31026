/**
 * Asks the AppView for posts, and remembers for minutes what it says. Pages never wait long for it: what is
 * not there in time is asked for all the same, and is there for the next page. While the AppView fails it
 * is left alone.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Fetch } from '../identity/guardedFetch.ts'
import { looseList, looseObject } from './loose.ts'
import type { PostView } from './postView.ts'
import { readPostView } from './readPostView.ts'

export type AskOutcome = 'good' | 'failed' | 'limited'

export interface AskPostsOptions {
  /** Without a slash at the end. */
  readonly url: string
  readonly fetch: Fetch
  readonly allowLocalNetwork: boolean
  readonly nowMs?: () => number
  /** One call has ended; `reason` says what went wrong. */
  readonly onAsked: (outcome: AskOutcome, reason: string | undefined) => void
}

const METHOD = '/xrpc/app.bsky.feed.getPosts'
export const POSTS_A_CALL = 25
/** What a page waits for. */
const PAGE_WAITS_MS = 1_000
/** On average; eight may come at once. */
const CALL_EVERY_MS = 250
const BURST = 8
const MAX_REMEMBERED = 5_000
const REMEMBERED_MS = 5 * 60_000
/** A post that is not there yet may come: the AppView reads the same stream as we do. */
const GONE_REMEMBERED_MS = 30_000
const MAX_RESERVED = 50_000
const REST_MS = 5_000
const LIMITED_REST_MS = 30_000
const MAX_REST_MS = 300_000

interface Remembered {
  readonly view: PostView
  readonly untilMs: number
}

class LimitedError extends Error {
  override name = 'LimitedError'
  readonly restMs: number
  constructor(restMs: number) {
    super('the AppView answered 429: it wants fewer calls')
    this.restMs = restMs
  }
}

export class AskPosts {
  readonly #options: AskPostsOptions
  readonly #nowMs: () => number
  readonly #remembered = new Map<string, Remembered>()
  readonly #asking = new Map<string, Promise<void>>()
  /** Authors who want to be seen only by those who are logged in: known also while the AppView is away. */
  readonly #reserved = new Set<string>()
  #restsUntil = Number.NEGATIVE_INFINITY
  /** When the next call would be made if calls came evenly. */
  #nextCallAt = Number.NEGATIVE_INFINITY

  constructor(options: AskPostsOptions) {
    this.#options = options
    this.#nowMs = options.nowMs ?? ((): number => performance.now())
  }

  /** What is known of some posts, after waiting a while at most; of others nobody could be asked. */
  async views(uris: readonly string[]): Promise<Map<string, PostView>> {
    const wanted = [...new Set(uris)].filter((uri) => this.#recall(uri) === undefined)
    const fresh = wanted.filter((uri) => !this.#asking.has(uri))
    for (let index = 0; index < fresh.length; index += POSTS_A_CALL) {
      this.#begin(fresh.slice(index, index + POSTS_A_CALL))
    }
    const asked = new Set(wanted.flatMap((uri) => this.#asking.get(uri) ?? []))
    if (asked.size > 0) {
      const ended = new AbortController()
      await Promise.race([
        Promise.all(asked),
        delay(PAGE_WAITS_MS, undefined, { ref: false, signal: ended.signal }).catch(() => {}),
      ])
      ended.abort()
    }
    return new Map(
      uris.flatMap((uri) => {
        const view = this.#recall(uri)
        return view === undefined ? [] : [[uri, view]]
      }),
    )
  }

  /** Whether the author of a post was found to want readers who are logged in. */
  isReserved(uri: string): boolean {
    return this.#reserved.has(authorityOf(uri))
  }

  #recall(uri: string): PostView | undefined {
    const known = this.#remembered.get(uri)
    if (known !== undefined && known.untilMs < this.#nowMs()) {
      this.#remembered.delete(uri)
      return undefined
    }
    return known?.view
  }

  #begin(uris: readonly string[]): void {
    const now = this.#nowMs()
    const callAt = Math.max(now - BURST * CALL_EVERY_MS, this.#nextCallAt)
    if (now < this.#restsUntil || callAt - now > PAGE_WAITS_MS) {
      return
    }
    this.#nextCallAt = callAt + CALL_EVERY_MS
    const asking = this.#ask(uris, Math.max(0, callAt - now)).finally(() => {
      uris.forEach((uri) => this.#asking.delete(uri))
    })
    uris.forEach((uri) => this.#asking.set(uri, asking))
  }

  async #ask(uris: readonly string[], waitMs: number): Promise<void> {
    if (waitMs > 0) {
      await delay(waitMs, undefined, { ref: false })
    }
    try {
      const views = await this.#call(uris)
      this.#remember(uris, views)
      this.#options.onAsked('good', undefined)
    } catch (error) {
      const isLimited = error instanceof LimitedError
      this.#restsUntil = this.#nowMs() + (isLimited ? error.restMs : REST_MS)
      const reason = error instanceof Error ? error.message : String(error)
      this.#options.onAsked(isLimited ? 'limited' : 'failed', reason)
    }
  }

  async #call(uris: readonly string[]): Promise<readonly unknown[]> {
    const { url, fetch } = this.#options
    const search = new URLSearchParams(uris.map((uri): [string, string] => ['uris', uri]))
    const response = await fetch(`${url}${METHOD}?${search.toString()}`, {
      headers: { accept: 'application/json' },
    })
    if (response.status === 429) {
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
      await response.body?.cancel()
      const restMs = seconds > 0 ? seconds * 1_000 : LIMITED_REST_MS
      throw new LimitedError(Math.min(restMs, MAX_REST_MS))
    }
    if (!response.ok) {
      await response.body?.cancel()
      throw new Error(`the AppView answered ${response.status}`)
    }
    const { posts } = looseObject(await response.json())
    if (!Array.isArray(posts)) {
      throw new TypeError('the AppView answered something else than posts')
    }
    return looseList(posts)
  }

  /** What was asked for and is not among the answers is not there: deleted, taken down, or not there yet. */
  #remember(uris: readonly string[], posts: readonly unknown[]): void {
    const { allowLocalNetwork } = this.#options
    const views = posts.flatMap((post) => readPostView(post, { allowLocalNetwork }) ?? [])
    const byUri = new Map(views.map((view) => [view.uri, view]))
    const now = this.#nowMs()
    for (const uri of uris) {
      const view = byUri.get(uri)
      if (view?.kind === 'withheld' && view.reason === 'login') {
        this.#reserve(authorityOf(uri))
      }
      this.#remembered.delete(uri)
      this.#remembered.set(uri, {
        view: view ?? { kind: 'withheld', uri, reason: 'gone' },
        untilMs: now + (view === undefined ? GONE_REMEMBERED_MS : REMEMBERED_MS),
      })
    }
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= MAX_REMEMBERED) {
        break
      }
      this.#remembered.delete(oldest)
    }
  }

  #reserve(did: string): void {
    if (this.#reserved.size >= MAX_RESERVED) {
      this.#reserved.clear()
    }
    this.#reserved.add(did)
  }
}

function authorityOf(uri: string): string {
  return uri.split('/')[2] ?? ''
}
