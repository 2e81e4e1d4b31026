import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ConfigError, describeError } from '../errors.ts'
import { describePictureFault, findAvatarFault, findPictureType } from '../feedfile/avatarFault.ts'
import type { FeedDefinition } from '../feeds/feedDefinition.ts'
import { rawCid } from '../pds/blob.ts'
import type { PictureBlob } from '../pds/blob.ts'

/**
 * Reads the pictures that feeds name, by record key; their paths are relative to the feeds file.
 * @throws ConfigError with the problems of all
 */
export function readAvatars(
  definitions: readonly FeedDefinition[],
  feedsFile: string,
): Map<string, PictureBlob> {
  const avatars = new Map<string, PictureBlob>()
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
export function readAvatar(path: string): PictureBlob | string {
  // Before reading: nobody means to read gigabytes.
  const fault = findAvatarFault(path)
  try {
    return fault ?? decodeAvatar(new Uint8Array(readFileSync(path)))
  } catch (error) {
    return `cannot be read (${describeError(error)})`
  }
}

/** What the bytes say counts, not what the name ends with: that is what the app goes by. */
export function decodeAvatar(bytes: Uint8Array<ArrayBuffer>): PictureBlob | string {
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
