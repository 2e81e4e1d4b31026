import { createHash } from 'node:crypto'
import type { JsonObject } from './json.ts'

/** A picture, checked. */
export interface PictureBlob {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly mimeType: 'image/png' | 'image/jpeg'
  readonly cid: string
  /** As a record refers to it. */
  readonly blob: JsonObject
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
