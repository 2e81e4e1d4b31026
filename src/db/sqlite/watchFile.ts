import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { describeError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'

export interface FileWatch extends Disposable {
  /** What has become of the file, in words that name no place; undefined while all is well. */
  problem(): string | undefined
}

const PREFIX = 'sqlite:'
const LOOK_EVERY_MS = 1_000
/** The file, and what SQLite keeps beside it for as long as it is open. */
const PARTS = ['', '-wal', '-shm']

type Fate = 'removed' | 'replaced'

const REMEDIES: Readonly<Record<Fate, string>> = {
  removed:
    'what is stored from here on is lost when the service ends: put back the same file and what lies ' +
    'beside it (-wal, -shm), or stop the service, restore a backup and start it',
  replaced:
    'the service goes on with the one that it has opened, and what it stores there is lost when it ' +
    'ends: restart it to use the one that is there now',
}

/**
 * Looks now and then whether a SQLite file is still where it was opened. Whoever removes or replaces it
 * under a running service leaves that writing to a file that nobody will find again, without any error.
 * It begins when a connection to the file is open, and recovers when the same file is back.
 */
export function watchFile(databaseUrl: string, logger: Logger): FileWatch {
  if (!databaseUrl.startsWith(PREFIX)) {
    return { problem: () => undefined, [Symbol.dispose]: () => {} }
  }
  const path = resolve(databaseUrl.slice(PREFIX.length))
  const opened = new Map<string, string>()
  let fate: Fate | undefined

  function look(): void {
    let found: Fate | undefined
    try {
      found = findFate(path, opened)
    } catch (error) {
      // What cannot be looked at now is as it was: the open connections go on.
      const reason = describeError(error)
      logger.debug({ event: 'databaseFileNotSeen', reason }, 'cannot look at the database file now')
      return
    }
    if (found !== undefined && found !== fate) {
      const what = `the database file has been ${found} under the running service`
      const reason = `${path}: ${what}`
      logger.error(
        { event: 'databaseFileLost', path, fate: found },
        `${reason}; ${REMEDIES[found]}`,
      )
    }
    if (found === undefined && fate !== undefined) {
      logger.info({ event: 'databaseFileBack', path }, 'the database file is back: nothing is lost')
    }
    fate = found
  }

  look()
  const timer = setInterval(look, LOOK_EVERY_MS).unref()
  return {
    problem: () =>
      fate &&
      `the database file has been ${fate} under the running service: its log says what to do`,
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

/** `opened`: the parts as they were first seen, by their ends; those that come later are added. */
function findFate(path: string, opened: Map<string, string>): Fate | undefined {
  for (const end of PARTS) {
    const stats = statSync(path + end, { throwIfNoEntry: false, bigint: true })
    const known = opened.get(end)
    if (stats === undefined) {
      if (known !== undefined) {
        return 'removed'
      }
    } else {
      const identity = `${stats.dev} ${stats.ino}`
      if (known === undefined) {
        opened.set(end, identity)
      } else if (known !== identity) {
        return 'replaced'
      }
    }
  }
  return undefined
}
