/**
 * Preloaded into the service's process (`--import`), where it makes the thread of ingest die in ways
 * that no test can bring about from outside. Imported by a test, it only names itself to the process.
 */
import { isMainThread, threadId } from 'node:worker_threads'
import { beforeCommit } from './beforeCommit.ts'

export interface Spoiling {
  /**
   * What happens at the commit: `error` is one that the database has not made, `exit` ends the thread
   * between rows and commit, `uncaught` is thrown where nobody waits for it, after the commit.
   */
  readonly how: 'error' | 'exit' | 'uncaught'
  /** From which commit of a thread on, counted from 1. */
  readonly fromCommit: number
  /** How many threads, the first ones, are spoilt. */
  readonly threads: number
  /** The pauses between one thread and the next are so many times shorter. */
  readonly hurry?: number
}

const VARIABLE = 'SPOIL_INGEST'

/** The environment of a service that is spoilt. */
export function spoiltBy(spoiling: Spoiling): Record<string, string> {
  return { NODE_OPTIONS: `--import=${import.meta.url}`, [VARIABLE]: JSON.stringify(spoiling) }
}

const text = process.env[VARIABLE]
if (text !== undefined) {
  const spoiling = JSON.parse(text) as Spoiling
  if (isMainThread) {
    hurry(spoiling.hurry ?? 1)
  } else if (threadId <= spoiling.threads) {
    spoilCommits(spoiling)
  }
}

function spoilCommits({ how, fromCommit }: Spoiling): void {
  let commits = 0
  beforeCommit(() => {
    commits += 1
    if (commits < fromCommit) {
      return
    }
    switch (how) {
      case 'error':
        throw new TypeError('spoilt by a test')
      case 'exit':
        process.exit(3)
      case 'uncaught':
        setImmediate(() => {
          throw new TypeError('spoilt by a test')
        })
    }
  })
}

function hurry(times: number): void {
  const wait = globalThis.setTimeout
  const quick = (callback: () => void, ms = 0, ...rest: []) => {
    // Other timers of this thread are the limits of what takes its time.
    const isPause = new Error('whose timer is it').stack?.includes('supervisedThread.ts') === true
    return wait(callback, isPause ? ms / times : ms, ...rest)
  }
  globalThis.setTimeout = Object.assign(quick, wait)
}
