import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ConfigError, describeError } from '../errors.ts'
import { describePictureFault, findAvatarFault, findPictureType } from '../feedfile/avatarFile.ts'
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
  // Before reading: nobody means to read gigabytes.
  const fault = findAvatarFault(path)
  try {
    return fault ?? decodeAvatar(new Uint8Array(readFileSync(path)))
  } catch (error) {
    return `cannot be read (${describeError(error)})`
  }
}

/** What the bytes say counts, not what the name ends with: that is what the app goes by. */
export function decodeAvatar(bytes: Uint8Array<ArrayBuffer>): Avatar | string {
  const fault = describePictureFault(bytes, bytes.length)
  const mimeType = findPictureType(bytes)
  if (fault !== undefined || mimeType === undefined) {
    return fault ?? 'is no picture'
  }
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
