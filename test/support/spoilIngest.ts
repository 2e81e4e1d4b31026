/**
 * Preloaded into the service's process (`--import`), where it makes the thread of ingest die in ways
 * that no test can bring about from outside. Imported by a test, it only names itself to the process.
 */
import { isMainThread, threadId } from 'node:worker_threads'
import BetterSqlite3 from 'better-sqlite3'

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
  /** The main thread waits so many times shorter: for its pauses between one thread and the next. */
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
  const handle = BetterSqlite3.prototype
  const exec = handle.exec
  let commits = 0
  handle.exec = function spoilt(this: BetterSqlite3.Database, source: string) {
    commits += source === 'commit' ? 1 : 0
    if (source !== 'commit' || commits < fromCommit) {
      return exec.call(this, source)
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
        return exec.call(this, source)
    }
  }
}

function hurry(times: number): void {
  const wait = globalThis.setTimeout
  const quick = (callback: () => void, ms = 0, ...rest: []) => wait(callback, ms / times, ...rest)
  globalThis.setTimeout = Object.assign(quick, wait)
}
