import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../logger.ts'
import type { Clock } from '../../time.ts'
import type { EventSource, SourceOptions } from './eventSource.ts'
import { runJetstreamConnection } from './jetstreamConnection.ts'
import type { ConnectionEnd } from './jetstreamConnection.ts'
import { resumeCursor } from './resumeCursor.ts'
import { createConnection } from './streamFrame.ts'

/** Who counts what becomes of connections. */
export interface StreamCounters {
  connected(host: string): void
  /** `reason` names the host, too. */
  disconnected(reason: string): void
  frameTooLarge(): void
}

export interface JetstreamSourceOptions {
  /** `ws(s)://HOST/subscribe`, the preferred first. */
  readonly urls: readonly string[]
  readonly wantedCollections: readonly string[]
  readonly idleMs: number
  /** Where to begin while nothing is committed; asked at every connection. */
  readonly startFrom: () => number | undefined
  readonly counters: StreamCounters
  readonly logger: Logger
  readonly clock: Clock
  /** 0 to 1; tests pass their own. */
  readonly random?: () => number
}

const RETRY_MS = 1_000
const MAX_RETRY_MS = 30_000
/** A connection that ends sooner, so often in a row, speaks against its host. */
const SHORT_MS = 10_000
const MAX_SHORT = 3

/**
 * The supervised stream. States and what leaves them:
 *
 * - *connecting* to the current host with a cursor made from the committed position. An open socket
 *   leads to *connected*; anything else to *waiting*, with the next host.
 * - *connected*, frames flow. A close, an error or silence leads to *waiting*: with the same host if
 *   frames came, unless it fell silent or has been cutting connections short; else with the next.
 * - *waiting*, with full jitter: briefly after a connection that brought frames and until each host
 *   had its turn, then longer and longer. Only a frame makes it brief again: a host that accepts and
 *   stays silent must not.
 *
 * What must not happen: two connections at once; a wait without end; a log line per attempt.
 */
export function createJetstreamSource(options: JetstreamSourceOptions): EventSource {
  return { run: (source) => new Supervisor(options, source).run() }
}

class Supervisor {
  readonly #options: JetstreamSourceOptions
  readonly #source: SourceOptions
  #hostIndex = 0
  /** Connections in a row that brought no frame. */
  #failures = 0
  #shortInRow = 0
  #isDownReported = false

  constructor(options: JetstreamSourceOptions, source: SourceOptions) {
    this.#options = options
    this.#source = source
  }

  async run(): Promise<void> {
    const { signal } = this.#source
    while (!signal.aborted) {
      const startedAt = performance.now()
      const end = await this.#connect()
      if (!signal.aborted) {
        this.#chooseHost(end, performance.now() - startedAt)
        await delay(this.#waitMs(), undefined, { signal }).catch(() => {})
      }
    }
  }

  async #connect(): Promise<ConnectionEnd & { wasLeft: boolean }> {
    const { urls, wantedCollections, idleMs, startFrom, clock, counters } = this.#options
    const { buffer, signal } = this.#source
    const url = urls[this.#hostIndex] ?? ''
    const { host } = new URL(url)
    const position = this.#source.resumeFrom()
    const cursor = resumeCursor({ position, host, startUs: startFrom(), nowUs: clock() })
    const left = new AbortController()
    const connection = createConnection(host, {
      ...{ cursor, hosts: urls.length },
      onLeave: (reason) => left.abort(reason),
    })
    const end = await runJetstreamConnection({
      url,
      cursor,
      wantedCollections,
      idleMs,
      connection,
      buffer,
      signal: AbortSignal.any([signal, left.signal]),
      onTooLarge: () => counters.frameTooLarge(),
      onOpen: () => {
        counters.connected(host)
        this.#reportUp(host, cursor)
      },
    })
    connection.isOver = true
    counters.disconnected(`${host}: ${end.reason}`)
    this.#reportDown(host, end)
    return { ...end, wasLeft: connection.isLeft }
  }

  #chooseHost(
    { frames, wasIdle, wasLeft }: ConnectionEnd & { wasLeft: boolean },
    durationMs: number,
  ): void {
    this.#failures = frames > 0 ? 0 : this.#failures + 1
    this.#shortInRow = frames > 0 && durationMs < SHORT_MS ? this.#shortInRow + 1 : 0
    if (frames === 0 || wasIdle || wasLeft || this.#shortInRow >= MAX_SHORT) {
      this.#hostIndex = (this.#hostIndex + 1) % this.#options.urls.length
      this.#shortInRow = 0
    }
  }

  #waitMs(): number {
    const { urls, random = Math.random } = this.#options
    const rounds = Math.max(0, this.#failures - urls.length + 1)
    return random() * Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(rounds, 10))
  }

  #reportUp(host: string, cursor: number | undefined): void {
    this.#isDownReported = false
    this.#options.logger.info(
      { event: 'streamConnected', host, cursor },
      `reading the stream from ${host}`,
    )
  }

  #reportDown(host: string, { reason }: ConnectionEnd): void {
    if (this.#source.signal.aborted || this.#isDownReported) {
      this.#options.logger.debug({ event: 'streamAttemptFailed', host, reason }, reason)
      return
    }
    this.#isDownReported = true
    this.#options.logger.warn(
      { event: 'streamDisconnected', host, reason },
      `the stream from ${host} has ended: ${reason}; trying again until it works`,
    )
  }
}
