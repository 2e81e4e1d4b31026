import { readdirSync, realpathSync, statSync, watch } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** An editor writes a file in several steps, and a branch that is checked out has many files. */
const SETTLE_MS = 150

/**
 * Resolves with the first path that changes, once things have settled; with undefined when the signal
 * aborts. Files may be absent, and may be replaced: what is watched is the folder around them.
 */
export function watchUntilChanged(
  paths: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((settle) => {
    let timer: NodeJS.Timeout | undefined
    const end = new AbortController()
    const finish = (path: string | undefined): void => {
      clearTimeout(timer)
      end.abort()
      settle(path)
    }
    signal.addEventListener('abort', () => finish(undefined), { once: true, signal: end.signal })
    for (const [folder, isWatched] of foldersOf(paths)) {
      const watcher = watch(folder, { signal: end.signal }, (_type, name) => {
        if (name !== null && isWatched(name)) {
          timer ??= setTimeout(() => finish(join(folder, name)), SETTLE_MS)
        }
      })
      // A folder that is removed is a change like others; the next start says what is missing.
      watcher.on('error', () => finish(folder))
    }
    if (signal.aborted) {
      finish(undefined)
    }
  })
}

type IsWatched = (name: string) => boolean

/** The folders to watch, each once, and which names in them count. */
function foldersOf(paths: readonly string[]): ReadonlyMap<string, IsWatched> {
  const folders = new Map<string, IsWatched>()
  const add = (folder: string, isWatched: IsWatched): void => {
    const others = folders.get(folder)
    folders.set(folder, (name) => isWatched(name) || others?.(name) === true)
  }
  for (const path of paths.flatMap((each) => [resolve(each), ...targetOf(each)])) {
    if (isFolder(path)) {
      const inside = readdirSync(path, { recursive: true, withFileTypes: true })
      const nested = inside.filter((entry) => entry.isDirectory())
      for (const folder of [path, ...nested.map((entry) => join(entry.parentPath, entry.name))]) {
        add(folder, (name) => name.endsWith('.ts'))
      }
    } else if (isFolder(dirname(path))) {
      add(dirname(path), (name) => name === basename(path))
    }
  }
  return folders
}

/** Where a link leads. */
function targetOf(path: string): string[] {
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined
  return isThere ? [realpathSync(path)] : []
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
