/**
 * Whom viewers follow. A list is *whole* or there is none: it is read from the viewer's repository at the
 * first request, stored, and follows the stream from then on (ingest changes the stored rows). A whole list
 * serves at once, however old; what makes it doubtful is mended after the answer: a day has gone, or
 * ingest began to listen only after the reading had begun.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ReadDatabase } from '../db/database.ts'
import type { SmallWrites } from '../db/smallWrites.ts'
import { RequestError, describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { US_PER_DAY } from '../time.ts'
import type { Clock, Us } from '../time.ts'
import type { Follow } from './followPage.ts'
import { readStoredFollows } from './readStoredFollows.ts'
import { noteViewer, storeFollows } from './storeFollows.ts'
import { prepareViewerStatements } from './viewerStatements.ts'
import type { ViewerRow, ViewerStatements } from './viewerStatements.ts'

export interface FollowListsOptions {
  readonly reader: ReadDatabase
  readonly writes: SmallWrites
  /** Reads all follows of a repository. @throws when it cannot be read to its end */
  readonly walk: (did: string) => Promise<Follow[]>
  readonly clock: Clock
  readonly logger: Logger
  /** Told of every walk, with its duration. */
  readonly onWalk?: (outcome: 'whole' | 'failed', seconds: number) => void
}

interface Known {
  readonly follows: ReadonlySet<string>
  readonly walkedUs: Us
  /** Of the stored list; undefined for one that is not stored yet. */
  readonly changes: number | undefined
}

/** An answer waits so long for a list. */
const WAIT_MS = 3_000
const MAX_WALKS = 64
/** Follows held in memory, of all viewers together: some 30 MB. */
const MAX_HELD = 300_000
/** Ingest has had time to begin to listen. */
const LISTENING_MS = 1_500
/** A list is read again so long after the last reading, for each reason that there may be. */
const AGAIN_MS = 60_000
const SOON_MS = 1_000
const MAX_TRIED = 10_000

export class FollowLists {
  readonly #options: FollowListsOptions
  readonly #statements: ViewerStatements
  /** In the order of their last use. */
  readonly #known = new Map<string, Known>()
  #held = 0
  readonly #walks = new Map<string, Promise<ReadonlySet<string>>>()
  /** When the last walk of somebody began, by `performance.now`. */
  readonly #triedAt = new Map<string, number>()

  constructor(options: FollowListsOptions) {
    this.#options = options
    this.#statements = prepareViewerStatements(options.reader)
  }

  /**
   * The accounts that somebody follows, themselves left out.
   * @throws RequestError 503 FollowsUnavailable when no whole list is known and none comes in time
   */
  async find(did: string): Promise<ReadonlySet<string>> {
    const [row] = await this.#statements.viewer.all({ did })
    const known = await this.#findKnown(did, row)
    if (known === undefined) {
      return await this.#waitFor(this.#walk(did))
    }
    this.#mend(did, known, row)
    return known.follows
  }

  async #findKnown(did: string, row: ViewerRow | undefined): Promise<Known | undefined> {
    const held = this.#known.get(did)
    if (held !== undefined && isCurrent(held, row)) {
      this.#known.delete(did)
      this.#known.set(did, held)
      return held
    }
    if (row === undefined || row.walked_us < 0) {
      return undefined
    }
    const follows = await readStoredFollows(this.#options.reader, did)
    return this.#hold(did, { follows, walkedUs: row.walked_us, changes: row.changes })
  }

  /** After an answer: reads the list again when it may not be as it is. */
  #mend(did: string, { walkedUs }: Known, row: ViewerRow | undefined): void {
    const { clock } = this.#options
    const nowUs = clock()
    const heardUs = row?.heard_us ?? walkedUs
    if (heardUs > walkedUs) {
      // What the stream told between the two was missed.
      this.#walkAgain(did, SOON_MS)
    } else if (heardUs < 0 || nowUs - walkedUs >= US_PER_DAY) {
      this.#walkAgain(did, AGAIN_MS)
    } else if (row !== undefined && nowUs - row.asked_us >= US_PER_DAY) {
      noteViewer(this.#options.writes, did, nowUs).catch(() => {})
    }
  }

  #walkAgain(did: string, afterMs: number): void {
    const triedAt = this.#triedAt.get(did) ?? Number.NEGATIVE_INFINITY
    if (performance.now() - triedAt >= afterMs) {
      this.#walk(did).catch(() => {})
    }
  }

  async #waitFor(walk: Promise<ReadonlySet<string>>): Promise<ReadonlySet<string>> {
    const stop = new AbortController()
    try {
      return await Promise.race([
        walk,
        delay(WAIT_MS, undefined, { signal: stop.signal }).then(() => {
          throw unavailable()
        }),
      ])
    } finally {
      stop.abort()
    }
  }

  /** One walk a viewer at a time, and not too many in all. */
  #walk(did: string): Promise<ReadonlySet<string>> {
    const underWay = this.#walks.get(did)
    if (underWay !== undefined) {
      return underWay
    }
    if (this.#walks.size >= MAX_WALKS) {
      return Promise.reject(unavailable())
    }
    if (this.#triedAt.size >= MAX_TRIED) {
      this.#triedAt.clear()
    }
    this.#triedAt.set(did, performance.now())
    const walk = this.#walkOnce(did).finally(() => this.#walks.delete(did))
    walk.catch(() => {})
    this.#walks.set(did, walk)
    return walk
  }

  async #walkOnce(did: string): Promise<ReadonlySet<string>> {
    const { walk, writes, clock, logger, onWalk } = this.#options
    const startedAt = performance.now()
    const begunUs = clock()
    const noted = noteViewer(writes, did, begunUs)
    noted.catch(() => {})
    let list: Follow[]
    try {
      list = await walk(did)
    } catch (error) {
      onWalk?.('failed', (performance.now() - startedAt) / 1_000)
      logger.debug(
        { event: 'followsNotRead', reason: describeError(error) },
        'the follows of a viewer could not be read',
      )
      throw unavailable()
    }
    onWalk?.('whole', (performance.now() - startedAt) / 1_000)
    const follows = new Set(list.map(({ subject }) => subject))
    follows.delete(did)
    this.#hold(did, { follows, walkedUs: begunUs, changes: undefined })
    void this.#store(did, { follows: list, begunUs }, noted)
    return follows
  }

  /** What the stream told before ingest began to listen is found by a second walk. */
  async #store(
    did: string,
    list: { readonly follows: readonly Follow[]; readonly begunUs: Us },
    noted: Promise<void>,
  ): Promise<void> {
    try {
      await noted
      await storeFollows(this.#options.writes, did, list)
      await delay(LISTENING_MS, undefined, { ref: false })
      const [row] = await this.#statements.viewer.all({ did })
      if (row !== undefined && row.heard_us > list.begunUs) {
        this.#walkAgain(did, 0)
      }
    } catch (error) {
      const reason = describeError(error)
      const { logger } = this.#options
      logger.warn(
        { event: 'followsNotStored', reason },
        `a list of follows could not be stored: ${reason}`,
      )
    }
  }

  #hold(did: string, known: Known): Known {
    this.#held += known.follows.size - (this.#known.get(did)?.follows.size ?? 0)
    this.#known.delete(did)
    this.#known.set(did, known)
    for (const [oldest, { follows }] of this.#known) {
      if (this.#held <= MAX_HELD || oldest === did) {
        break
      }
      this.#known.delete(oldest)
      this.#held -= follows.size
    }
    return known
  }
}

/**
 * A list that was just read is newer than what a replica, or the database before it is stored, says. One
 * that was stored and is not any more has been forgotten on purpose.
 */
function isCurrent({ walkedUs, changes }: Known, row: ViewerRow | undefined): boolean {
  return row === undefined
    ? changes === undefined
    : row.walked_us < walkedUs || row.changes === changes
}

function unavailable(): RequestError {
  return new RequestError(
    'FollowsUnavailable',
    'Whom you follow could not be read in time: it goes on being read, so try again in a moment',
    503,
  )
}
