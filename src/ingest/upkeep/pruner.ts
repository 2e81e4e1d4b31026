import type { WriteDatabase } from '../../db/database.ts'
import type { Logger } from '../../logger.ts'
import { US_PER_DAY, US_PER_MS, US_PER_SECOND } from '../../time.ts'
import type { Us } from '../../time.ts'
import type { RecordKey, RecordStore } from '../store/recordStore.ts'
import { PruneSteps } from './pruneSteps.ts'

export interface PruneOptions {
  readonly database: WriteDatabase
  readonly store: RecordStore
  readonly retentionDays: number
  /** Engagement with older posts is forgotten; only its counts stay. */
  readonly windowUs: Us
  /** Traces of these records stay: their feeds have to know for good that they are gone. */
  readonly pinned: readonly RecordKey[]
  /**
   * What is older is judged by this moment, the earlier of our clock and the committed position, since
   * either may be wrong. Undefined: nothing is removed.
   */
  readonly horizonUs: () => Us | undefined
  readonly logger: Logger
  /** Told how many posts of hidden accounts there are, whenever all accounts have been looked at. */
  readonly onHeldBack?: (posts: number) => void
}

/** A step is to take about so long: a batch that has come meanwhile waits for no more. */
const STEP_MS = { least: 5, most: 15 }
const ROWS = { least: 100, first: 500, most: 50_000 }
/** Steps take at most a fifth of the time. */
const REST = 4
const MIN_REST_US = 10 * US_PER_MS
/** A clock that was set back must not keep pruning from its turn. */
const MAX_REST_US = 60 * US_PER_SECOND

const MINUTE_US = 60 * US_PER_SECOND

/** A deleted record is remembered for longer than any stream can be replayed. */
const TRACE_KEPT_US = 3 * US_PER_DAY
const ACCOUNT_KEPT_US = 3 * US_PER_DAY
/** So far back programs can read what has happened to posts. */
const ACTIVITY_KEPT_US = 7 * US_PER_DAY
/** A filter that no process has served for so long is dropped. */
const FILTER_KEPT_US = 2 * US_PER_DAY

/** One kind of what grows old, with a timer of its own: none waits for another. */
interface Task {
  readonly everyUs: Us
  /** One step over about so many rows; returns whether the round is done. */
  readonly step: (rows: number, horizonUs: Us, nowUs: Us) => Promise<boolean>
  rows: number
  /** When the next round begins; while one is under way, in the past. */
  dueUs: Us
}

/** Deletes what is old, in small steps between batches, on the connection that writes. */
export class Pruner {
  readonly #options: PruneOptions
  /** The one that had the last turn comes last. */
  #tasks: Task[]
  #restUntilUs = 0

  constructor(options: PruneOptions) {
    this.#options = options
    const steps = new PruneSteps(options)
    const { retentionDays, windowUs } = options
    const traceKeptUs = Math.max(TRACE_KEPT_US, windowUs)
    const task = (everyUs: Us, step: Task['step']): Task => ({
      everyUs,
      step,
      rows: ROWS.first,
      dueUs: 0,
    })
    this.#tasks = [
      task(MINUTE_US, (rows, horizonUs, nowUs) =>
        steps.prunePosts(Math.round(horizonUs - retentionDays * US_PER_DAY), rows, nowUs),
      ),
      task(30 * MINUTE_US, (rows, horizonUs) => steps.pruneTraces(horizonUs - traceKeptUs, rows)),
      task(30 * MINUTE_US, (rows, horizonUs, nowUs) =>
        steps.pruneEngagements(horizonUs - windowUs, rows, nowUs),
      ),
      task(5 * MINUTE_US, (rows, horizonUs) =>
        steps.pruneAccounts(horizonUs - ACCOUNT_KEPT_US, rows),
      ),
      task(5 * MINUTE_US, (rows, horizonUs) =>
        steps.pruneFilters(horizonUs - FILTER_KEPT_US, rows),
      ),
      task(MINUTE_US, (rows, horizonUs) => steps.pruneActivity(horizonUs - ACTIVITY_KEPT_US, rows)),
    ]
  }

  /** What is under way goes on soon, also while no frame comes. */
  dueInMs(): number | undefined {
    const isUnderWay = this.#tasks.some(({ dueUs }) => dueUs < 0)
    // While nothing may be removed there is nothing to wake for.
    return isUnderWay && this.#options.horizonUs() !== undefined
      ? MIN_REST_US / US_PER_MS
      : undefined
  }

  async stepIfDue(nowUs: Us): Promise<boolean> {
    const isResting = nowUs < this.#restUntilUs && this.#restUntilUs - nowUs <= MAX_REST_US
    const task = this.#tasks.find(({ dueUs, everyUs }) => nowUs >= dueUs || dueUs - nowUs > everyUs)
    if (isResting || task === undefined) {
      return false
    }
    const { store } = this.#options
    const horizonUs = this.#options.horizonUs()
    if (horizonUs === undefined) {
      return false
    }
    // Set ahead: a step that fails is not tried again at once.
    this.#restUntilUs = nowUs + MINUTE_US / 2
    this.#tasks = [...this.#tasks.filter((other) => other !== task), task]
    const startMs = performance.now()
    // What is pruned changes records: other processes, and what this one holds of them, have to know.
    const isDone = await store.write({ nowUs }, () => task.step(task.rows, horizonUs, nowUs))
    const tookMs = performance.now() - startMs
    task.dueUs = isDone ? nowUs + task.everyUs : -1
    if (tookMs < STEP_MS.least) {
      task.rows = Math.min(ROWS.most, task.rows * 2)
    } else if (tookMs > STEP_MS.most) {
      task.rows = Math.max(ROWS.least, Math.round(task.rows / 2))
    }
    this.#restUntilUs = nowUs + Math.max(MIN_REST_US, Math.round(REST * tookMs * US_PER_MS))
    return true
  }
}
