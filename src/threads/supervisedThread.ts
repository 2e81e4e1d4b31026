import { Worker } from 'node:worker_threads'
import type { ResourceLimits } from 'node:worker_threads'
import type { Logger } from '../logger.ts'
import type { ThreadOrder } from './threadOrders.ts'

export type WorkerMessage<Status> =
  | { readonly type: 'status'; readonly status: Status }
  /** All is stored and closed. The thread may be ended: timers of libraries would keep it for seconds. */
  | { readonly type: 'done' }
  /** The thread ends. `isFinal`: starting it again cannot help. */
  | { readonly type: 'failed'; readonly reason: string; readonly isFinal: boolean }

export interface SupervisedThreadOptions<Status> {
  /** In logs and errors: what the thread does. */
  readonly name: string
  /** The program of the thread, and what it is given; it follows `listenToOrders`. */
  readonly program: URL
  readonly data: object
  /** Memory that V8 may take for the thread; its own limits where left out. */
  readonly resourceLimits?: ResourceLimits
  readonly logger: Logger
  /** Called once, when the thread cannot go on and starting it again would not help. */
  readonly onFatal: (error: Error) => void
  /** What the threads before this one have counted goes on counting. */
  readonly addStatus: (former: Status, status: Status) => Status
  /** The status of a thread that has died. */
  readonly deadStatus: (status: Status, reason: string) => Status
}

const RESTART_MIN_MS = 500
const RESTART_MAX_MS = 30_000
/** A thread that lived so long before it died had worked: the next start is quick again. */
const HEALTHY_MS = 60_000
/** So many deaths in a row are no accident. */
const MAX_DEATHS = 8

/**
 * Runs a program in a thread of its own, so that its work never delays a reader. The thread loads its
 * modules at once, which takes it a good part of a start, and does nothing more until `begin`. One that
 * dies is started again: it goes on from what is committed, so nothing is lost by its death.
 */
export class SupervisedThread<Status> implements AsyncDisposable {
  readonly #options: SupervisedThreadOptions<Status>
  #worker: Worker | undefined
  #exited: Promise<void> = Promise.resolve()
  #restart: NodeJS.Timeout | undefined
  #status: Status | undefined
  /** The last status of the threads before this one: totals count on. */
  #former: Status | undefined
  #deaths = 0
  #hasBegun = false
  #isStopping = false
  #hasFailed = false

  constructor(options: SupervisedThreadOptions<Status>) {
    this.#options = options
    this.#start()
  }

  /** Undefined until the thread has said something. */
  get status(): Status | undefined {
    return this.#status
  }

  /** Whether the thread ended with its work undone; only meaningful after disposal. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Lets the thread do its work: all that it needs is there. */
  begin(): void {
    this.#hasBegun = true
    this.#order('begin')
  }

  /** Lets the thread end its work, and ends it; at once when there was none. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#restart)
    if (this.#hasBegun) {
      this.#order('stop')
    } else {
      void this.#worker?.terminate()
    }
    await this.#exited
  }

  #order(order: ThreadOrder): void {
    this.#worker?.postMessage(order)
  }

  #start(): void {
    const { program, data, name, addStatus, resourceLimits = {} } = this.#options
    const startedAt = performance.now()
    const worker = new Worker(program, { workerData: data, name, resourceLimits })
    this.#worker = worker
    if (this.#hasBegun) {
      this.#order('begin')
    }
    let reason = 'it ended without a reason'
    let isFinal = false
    // `node --watch` posts messages of its own on the ports of threads: they are passed over.
    worker.on('message', (message: WorkerMessage<Status>) => {
      if (message.type === 'status') {
        this.#status =
          this.#former === undefined ? message.status : addStatus(this.#former, message.status)
      } else if (message.type === 'done') {
        void worker.terminate()
      } else if (message.type === 'failed') {
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
    const { name, deadStatus, logger, onFatal } = this.#options
    this.#deaths = livedMs >= HEALTHY_MS ? 1 : this.#deaths + 1
    this.#former = this.#status
    this.#status = this.#status === undefined ? undefined : deadStatus(this.#status, reason)
    if (isFinal || this.#deaths >= MAX_DEATHS) {
      onFatal(new Error(`${name} cannot go on: ${reason}`))
      return
    }
    const waitMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** (this.#deaths - 1))
    logger.error(
      { event: `${name}Died`, reason, restartInMs: waitMs, deaths: this.#deaths },
      `${name} has died: ${reason}; it starts again from the committed position`,
    )
    this.#hasFailed = false
    this.#restart = setTimeout(() => this.#start(), waitMs)
  }
}
