import type { WriteDatabase } from '../db/database.ts'
import type { AskOptions } from '../identity/askAccountStatus.ts'
import type { Logger } from '../logger.ts'
import type { IngestStatus } from '../status/ingestStatus.ts'
import { loadGap, loadPosition, loadStart } from '../status/loadPosition.ts'
import { StatusTeller } from '../status/statusTeller.ts'
import { US_PER_HOUR, US_PER_MS } from '../time.ts'
import type { Clock, Us } from '../time.ts'
import { wantedCollections } from './events/collections.ts'
import type { Operation } from './events/operations.ts'
import type { KeepTag } from './events/projectEvent.ts'
import { IngestCounters } from './ingestCounters.ts'
import { runIngester } from './ingester.ts'
import { KnownViewers } from './memory/knownViewers.ts'
import { RecordMemory } from './memory/recordMemory.ts'
import { RecordStore } from './store/recordStore.ts'
import type { RecordKey } from './store/recordStore.ts'
import { storeBatch } from './store/storeBatch.ts'
import type { EventSource } from './stream/eventSource.ts'
import { FrameBuffer } from './stream/frameBuffer.ts'
import { createJetstreamSource } from './stream/jetstreamSource.ts'
import { PositionKeeper } from './stream/positionKeeper.ts'
import { AccountMover } from './upkeep/accountMover.ts'
import { Pruner } from './upkeep/pruner.ts'
import { Reactivations } from './upkeep/reactivations.ts'
import { SeenIntake } from './upkeep/seenIntake.ts'

/** What ingest needs to know; plain data, so that it can cross into a thread. */
export interface IngestOptions {
  readonly databaseUrl: string
  readonly jetstreamUrls: readonly string[]
  readonly idleMs: number
  readonly backfillHours: number
  readonly retentionDays: number
  /** Engagement with older posts is not counted: the longest window of a ranking. */
  readonly windowHours: number
  /** Only posts with one of these tags are kept; undefined keeps all tags. */
  readonly onlyTags: readonly string[] | undefined
  /** Whether the follows of viewers are kept. */
  readonly hasFollows?: boolean
  /** Whether the records of posts are kept with them. */
  readonly keepRecords?: boolean
  /** Posts that feeds show without keeping them. */
  readonly pinned: readonly RecordKey[]
  /** How an account is asked for at its own PDS; undefined: the stream is not of the public network. */
  readonly identity?: AskOptions | undefined
}

export interface IngestDependencies {
  /** The writing connection, migrated. */
  readonly database: WriteDatabase
  readonly logger: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Whether an account is active on its own server; left out: nobody is asked. */
  readonly askAccount?: (did: string) => Promise<boolean>
  /** Goes on counting where a run before it has ended. */
  readonly counters?: IngestCounters
  /** Instead of Jetstream; nothing is pruned then. */
  readonly source?: EventSource
}

export interface Ingest {
  status(): IngestStatus
  /** Settles when the signal has aborted and all that was read is stored; rejects when that is impossible. */
  readonly done: Promise<void>
}

const BUFFER = { maxFrames: 15_000, maxBytes: 32 * 1024 * 1024 }

const SILENT_MS = 5_000

/** A connection over which nothing comes for so long has sent all that there is. */
export function silentMs({ idleMs }: Pick<IngestOptions, 'idleMs'>): number {
  return Math.min(SILENT_MS, idleMs / 2)
}

/** Starts ingest on this thread. */
export function startIngest(options: IngestOptions, dependencies: IngestDependencies): Ingest {
  const { database, logger, clock, signal } = dependencies
  const { pinned, retentionDays, keepRecords = true } = options
  const windowUs = Math.round(options.windowHours * US_PER_HOUR)
  const keepTag = createKeepTag(options.onlyTags)
  const { counters = new IngestCounters(logger, clock, { silentMs: silentMs(options) }) } =
    dependencies
  const buffer = new FrameBuffer(BUFFER)
  const status = (): IngestStatus => counters.status(buffer.length)
  let startUs: number | undefined
  const jetstream = createJetstreamSource({
    urls: options.jetstreamUrls,
    wantedCollections: wantedCollections(options.hasFollows === true),
    idleMs: options.idleMs,
    startFrom: () => {
      const from = startUs
      startUs ??= firstUs
      return from
    },
    counters,
    logger,
    clock,
  })
  const backfillUs = options.backfillHours * US_PER_HOUR
  const firstUs = clock() - backfillUs
  const startedMs = performance.now()
  const run = async (): Promise<void> => {
    const position = await loadPosition(database)
    counters.positionLoaded(position, await loadGap(database))
    const keeper = new PositionKeeper(position, (hostUs) => {
      startUs = hostUs - backfillUs
    })
    const reachedUs = (nowUs: Us): Us => keeper.reachedUs(nowUs)
    const start = await loadStart(database, firstUs)
    const memory = new RecordMemory({ database, windowUs, reachedUs, pinned, logger })
    const store = new RecordStore({ database, memory, keepTag })
    await memory.load(clock())
    const mover = new AccountMover({ store })
    const coveredSinceUs = (): Us => Math.max(start.startUs, counters.gapEndUs)
    const target = { store, pinned, windowUs, reachedUs, coveredSinceUs }
    const storeAlone = (ops: readonly Operation[], nowUs: Us): Promise<void> =>
      storeBatch(target, { ops, position: undefined, lastEventUs: undefined }, nowUs)
    const viewers = options.hasFollows === true ? new KnownViewers(database, storeAlone) : undefined
    if (viewers === undefined) {
      // What the stream says meanwhile is missed: lists are read again when a feed wants them again.
      await database.kysely
        .updateTable('viewer')
        .set({ heard_us: -1 })
        .where('heard_us', '>=', 0)
        .execute()
    }
    await viewers?.load()
    const { askAccount: ask } = dependencies
    const reactivations =
      ask &&
      new Reactivations({
        ask,
        store: storeAlone,
        logger,
      })
    // Without a backfill the very first connection is to the live tail, which no cursor names.
    startUs = start.isFirst && options.backfillHours === 0 ? undefined : start.startUs
    await runIngester({
      source: dependencies.source ?? jetstream,
      buffer,
      database,
      memory,
      target: {
        ...target,
        ...(reactivations && { onDoubt: (doubt) => reactivations.note(doubt) }),
      },
      projection: {
        ...{ keepTag, kept: memory.kept, known: memory.known },
        hasFollows: viewers !== undefined,
        keepRecords,
      },
      viewers,
      chores: [memory, mover, ...(viewers ? [viewers] : [])],
      ...(dependencies.source === undefined && {
        teller: new StatusTeller(database, status),
        chores: [
          memory,
          mover,
          ...(viewers ? [viewers] : []),
          new SeenIntake({ database, store, windowUs, reachedUs }),
          ...(reactivations ? [reactivations] : []),
          new Pruner({
            ...{ database, store, retentionDays, windowUs, pinned, logger },
            horizonUs: () => keeper.horizonUs(clock),
            onHeldBack: (posts) => counters.postsHeldBack(posts),
          }),
        ],
      }),
      counters,
      keeper,
      isRecording: dependencies.source !== undefined,
      onClockSet: () => {
        if (keeper.committed === undefined && start.isFirst) {
          startUs = clock() - (performance.now() - startedMs) * US_PER_MS - backfillUs
        }
      },
      logger,
      clock,
      signal,
    })
  }
  return { status, done: run() }
}

function createKeepTag(onlyTags: readonly string[] | undefined): KeepTag {
  if (onlyTags === undefined) {
    return () => true
  }
  const only = new Set(onlyTags)
  return (tag) => only.has(tag)
}
