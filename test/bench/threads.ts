import { readFileSync, readdirSync, statSync } from 'node:fs'

/** CPU time of each kind of thread of a process so far, in nanoseconds, by the thread's name. */
export type ThreadTimes = ReadonlyMap<string, number>

/** What a process holds in memory, MiB. */
export interface Resident {
  readonly all: number
  /** Of it, pages of files: code of Node and its libraries, and the index of the log. */
  readonly files: number
}

/** Threads of V8 and of libuv are several: those of one name are taken together. Needs Linux. */
export function threadTimes(pid: number): ThreadTimes {
  const times = new Map<string, number>()
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      const folder = `/proc/${pid}/task/${task}`
      const name = Number(task) === pid ? 'main' : readFileSync(`${folder}/comm`, 'utf8').trim()
      const [onCpu = '0'] = readFileSync(`${folder}/schedstat`, 'utf8').split(' ')
      times.set(name, (times.get(name) ?? 0) + Number(onCpu))
    } catch {
      // The thread has ended since the folder was read.
    }
  }
  return times
}

/** Needs Linux. */
export function resident(pid: number): Resident {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024
  return { all: mib('VmRSS'), files: mib('RssFile') + mib('RssShmem') }
}

/** MiB of a file and of what SQLite has beside it. */
export function sizeOnDisk(path: string): number {
  let bytes = 0
  for (const suffix of ['', '-wal', '-shm']) {
    bytes += statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes / 2 ** 20
}
