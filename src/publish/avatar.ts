import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ConfigError, describeError } from '../errors.ts'
import type { FeedDefinition } from '../feeds/feedDefinition.ts'
import type { JsonObject } from './feedRecord.ts'

/** A picture, checked. */
export interface Avatar {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly mimeType: 'image/png' | 'image/jpeg'
  readonly cid: string
  /** As a record refers to it. */
  readonly blob: JsonObject
}

export const MAX_AVATAR_BYTES = 1_000_000

const SIGNATURES = [
  { mimeType: 'image/png', bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { mimeType: 'image/jpeg', bytes: [0xff, 0xd8, 0xff] },
] as const

/**
 * Reads the pictures that feeds name, by record key; their paths are relative to the feeds file.
 * @throws ConfigError with the problems of all
 */
export function readAvatars(
  definitions: readonly FeedDefinition[],
  feedsFile: string,
): Map<string, Avatar> {
  const avatars = new Map<string, Avatar>()
  const problems: string[] = []
  for (const { rkey, avatar: path } of definitions) {
    if (path !== undefined) {
      const read = readAvatar(resolve(dirname(feedsFile), path))
      if (typeof read === 'string') {
        problems.push(`${feedsFile}: avatar of ${rkey}: ${path}: ${read}`)
      } else {
        avatars.set(rkey, read)
      }
    }
  }
  if (problems.length > 0) {
    throw new ConfigError(problems)
  }
  return avatars
}

/** A picture, or what is wrong with it. */
export function readAvatar(path: string): Avatar | string {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) {
      return 'is no file'
    }
    // Before reading: nobody means to read gigabytes.
    if (stat.size > MAX_AVATAR_BYTES) {
      return `${stat.size} bytes, allowed: ${MAX_AVATAR_BYTES}`
    }
    return decodeAvatar(new Uint8Array(readFileSync(path)))
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return isMissing ? 'there is no such file' : `cannot be read (${describeError(error)})`
  }
}

/** What the bytes say counts, not what the name ends with: that is what the app goes by. */
export function decodeAvatar(bytes: Uint8Array<ArrayBuffer>): Avatar | string {
  const type = SIGNATURES.find((signature) =>
    signature.bytes.every((byte, index) => bytes[index] === byte),
  )
  if (type === undefined) {
    return bytes.length === 0 ? 'is empty' : 'is neither a PNG nor a JPEG, whatever its name says'
  }
  if (bytes.length > MAX_AVATAR_BYTES) {
    return `${bytes.length} bytes, allowed: ${MAX_AVATAR_BYTES}`
  }
  const { mimeType } = type
  const cid = rawCid(bytes)
  return {
    bytes,
    mimeType,
    cid,
    blob: { $type: 'blob', ref: { $link: cid }, mimeType, size: bytes.length },
  }
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
/** CID version 1, codec raw, sha2-256 of 32 bytes: the form of every blob. */
const CID_PREFIX = [0x01, 0x55, 0x12, 0x20]

/** The CID that a PDS gives to a blob of these bytes. */
export function rawCid(bytes: Uint8Array): string {
  const digest = createHash('sha256').update(bytes).digest()
  let text = 'b'
  let bits = 0
  let bitCount = 0
  for (const byte of [...CID_PREFIX, ...digest]) {
    bits = (bits << 8) | byte
    bitCount += 8
    while (bitCount >= 5) {
      bitCount -= 5
      text += BASE32[(bits >> bitCount) & 31]
    }
    bits &= (1 << bitCount) - 1
  }
  return bitCount === 0 ? text : text + BASE32[(bits << (5 - bitCount)) & 31]
}
