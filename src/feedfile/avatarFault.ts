/** Which files can be the picture of a feed: what their first bytes say counts, not their name. */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { describeError } from '../errors.ts'

export const MAX_AVATAR_BYTES = 1_000_000

const SIGNATURES = [
  { mimeType: 'image/png', bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { mimeType: 'image/jpeg', bytes: [0xff, 0xd8, 0xff] },
] as const
const HEAD_BYTES = 16

/** What a picture is, by its first bytes; undefined for what is none that a feed can have. */
export function findPictureType(head: Uint8Array): 'image/png' | 'image/jpeg' | undefined {
  return SIGNATURES.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte))
    ?.mimeType
}

/** What is wrong with a file as a picture of so many bytes, in words that follow its name. */
export function describePictureFault(head: Uint8Array, size: number): string | undefined {
  if (size > MAX_AVATAR_BYTES) {
    return `is too large (${size} bytes of at most ${MAX_AVATAR_BYTES})`
  }
  if (findPictureType(head) !== undefined) {
    return undefined
  }
  return size === 0 ? 'is empty' : 'is neither a PNG nor a JPEG, whatever its name says'
}

/** What is wrong with the file at a path; reads no more than its beginning. */
export function findAvatarFault(path: string): string | undefined {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) {
      return 'is no file'
    }
    return describePictureFault(readHead(path), stat.size)
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return isMissing ? 'there is no such file' : `cannot be read (${describeError(error)})`
  }
}

function readHead(path: string): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES)
  const file = openSync(path, 'r')
  try {
    return head.subarray(0, readSync(file, head, 0, HEAD_BYTES, 0))
  } finally {
    closeSync(file)
  }
}
