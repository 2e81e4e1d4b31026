import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ConfigError, describeError } from '../errors.ts'
import type { FeedDefinition } from '../feeds/feedDefinition.ts'
import { findAvatarFault } from './avatarFault.ts'
import { parseFeedFile } from './feedFile.ts'

/** After the first ones it is plain that the whole file is written otherwise. */
const MAX_BAD_LINES = 10

/**
 * Reads the feeds file, and looks at the avatars that it names.
 * @throws ConfigError naming all its problems
 */
export function readFeedFile(path: string): FeedDefinition[] {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw new ConfigError([
      `${path}: ${isMissing ? 'there is no such file' : `cannot be read (${describeError(error)})`}: ` +
        'put a feeds file there, or set FEEDGEN_FEEDS_FILE to its path',
    ])
  }
  const faults = findUtf8Faults(bytes, path)
  if (faults.length > 0) {
    throw new ConfigError(faults)
  }
  return parseFeedFile(bytes.toString('utf8'), path, {
    findAvatarFault: (avatar) => findAvatarFault(resolve(dirname(path), avatar)),
  })
}

/** The first place of each line that is not UTF-8. */
function findUtf8Faults(bytes: Uint8Array, fileName: string): string[] {
  const allowed = 'allowed: a file that is saved as UTF-8'
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return [`${fileName}:1:1: the file is UTF-16, ${allowed}`]
  }
  if (isUtf8(bytes)) {
    return []
  }
  const faults = []
  let [start, line] = [0, 1]
  while (start < bytes.length && faults.length < MAX_BAD_LINES) {
    const lineEnd = bytes.indexOf(0x0a, start)
    const end = lineEnd === -1 ? bytes.length : lineEnd
    const fault = findFault(bytes.subarray(start, end))
    if (fault !== undefined) {
      const byte = `0x${fault.byte.toString(16).toUpperCase().padStart(2, '0')}`
      faults.push(`${fileName}:${line}:${fault.column}: the byte ${byte} is not UTF-8, ${allowed}`)
    }
    start = end + 1
    line += 1
  }
  return faults
}

function findFault(line: Uint8Array): { column: number; byte: number } | undefined {
  if (isUtf8(line)) {
    return undefined
  }
  let end = line.length
  while (end > 0 && !isUtf8(line.subarray(0, end))) {
    end -= 1
  }
  const column = new TextDecoder('utf-8', { ignoreBOM: true }).decode(line.subarray(0, end)).length
  return { column: column + 1, byte: line[end] ?? 0 }
}
