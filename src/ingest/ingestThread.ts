import { Worker } from 'node:worker_threads'
import { addTotals } from '../ingestStatus.ts'
import type { IngestStatus } from '../ingestStatus.ts'
import type { Logger } from '../logger.ts'
import type { WorkerData, WorkerMessage } from './ingestWorker.ts'

export interface IngestThreadOptions {
  readonly data: WorkerData
  readonly logger: Logger
  /** Called once, when ingest cannot go on and starting it again would not help. */
  readonly onFatal: (error: Error) => void
}

const RESTART_MIN_MS = 500
const RESTART_MAX_MS = 30_000
/** A thread that lived so long before it died had worked: the next start is quick again. */
const HEALTHY_MS = 60_000
/** So many deaths in a row are no accident. */
const MAX_DEATHS = 8

/**
 * Runs ingest in a thread of its own, so that a replay never delays a reader. A thread that dies is
 * started again: it goes on from the committed position, so nothing is lost by its death.
 */
export class IngestThread implements AsyncDisposable {
  readonly #options: IngestThreadOptions
  #worker: Worker | undefined
  #exited: Promise<void> = Promise.resolve()
  #restart: NodeJS.Timeout | undefined
  #status: IngestStatus | undefined
  /** The last status of the threads before this one: totals count on. */
  #former: IngestStatus | undefined
  #deaths = 0
  #isStopping = false
  #hasFailed = false

  constructor(options: IngestThreadOptions) {
    this.#options = options
    this.#start()
  }

  /** Undefined until the thread has said something. */
  get status(): IngestStatus | undefined {
    return this.#status
  }

  /** Whether all that was read is stored; only meaningful after disposal. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Stops reading, commits what was read, and ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#restart)
    this.#worker?.postMessage('stop')
    await this.#exited
  }

  #start(): void {
    const startedAt = performance.now()
    const worker = new Worker(new URL('./ingestWorker.ts', import.meta.url), {
      workerData: this.#options.data,
      name: 'ingest',
    })
    this.#worker = worker
    let reason = 'it ended without a reason'
    let isFinal = false
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'status') {
        this.#status = this.#former ? addTotals(this.#former, message.status) : message.status
      } else if (message.type === 'done') {
        void worker.terminate()
      } else {
        void worker.terminate()
        reason = message.reason
        isFinal = message.isFinal
        this.#hasFailed = true
      }
    })
    worker.on('error', (error: Error) => {
      reason = error.message
      this.#hasFailed = true
    })
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#worker = undefined
        resolve()
        if (!this.#isStopping) {
          this.#afterDeath(reason, isFinal, performance.now() - startedAt)
        }
      })
    })
  }

  #afterDeath(reason: string, isFinal: boolean, livedMs: number): void {
    this.#deaths = livedMs >= HEALTHY_MS ? 1 : this.#deaths + 1
    this.#former = this.#status
    this.#status = this.#status && { ...this.#status, connected: false, problem: reason }
    if (isFinal || this.#deaths >= MAX_DEATHS) {
      this.#options.onFatal(new Error(`ingest cannot go on: ${reason}`))
      return
    }
    const waitMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** (this.#deaths - 1))
    this.#options.logger.error(
      { event: 'ingestDied', reason, restartInMs: waitMs, deaths: this.#deaths },
      `ingest has died: ${reason}; it starts again from the committed position`,
    )
    this.#hasFailed = false
    this.#restart = setTimeout(() => this.#start(), waitMs)
  }
}
