/**
 * A death between the rows and the commit. The service loads this file with `--import`: when a thread
 * of it is about to say `commit` for the given time, the process kills itself instead.
 */
import { writeFileSync } from 'node:fs'
import { isMainThread, workerData } from 'node:worker_threads'
import { beforeCommit } from '../support/beforeCommit.ts'

/** The threads that write, by what only their data have. */
export type WritingThread = 'ingest' | 'rankings'

/**
 * How to start a service that dies so. Transactions that changed nothing do not count, nor what the
 * main thread commits at the start. A death of this kind leaves the file `mark`, with the number of
 * changes that it cost. `preload` is this file, or a bundle of it.
 */
export function dyingBeforeCommit(
  thread: WritingThread,
  commit: number,
  { mark, preload }: { readonly mark: string; readonly preload: string },
) {
  return {
    nodeOptions: ['--import', preload],
    env: { ORACLE_KILL_IN: thread, ORACLE_KILL_AT: String(commit), ORACLE_KILL_MARK: mark },
  }
}

const { ORACLE_KILL_IN: thread, ORACLE_KILL_AT: killAt, ORACLE_KILL_MARK: mark = '' } = process.env
if (killAt !== undefined && !isMainThread && Object.hasOwn(workerData as object, thread ?? '')) {
  patch(Number(killAt))
}

function patch(commits: number): void {
  let left = commits
  beforeCommit((changes) => {
    left -= changes > 0 ? 1 : 0
    if (left === 0) {
      writeFileSync(mark, String(changes))
      process.kill(process.pid, 'SIGKILL')
    }
  })
}
