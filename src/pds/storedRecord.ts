import { $type } from '../lexicons/app/bsky/feed/generator.ts'
import type { JsonObject } from './json.ts'

export const GENERATOR = $type

/** A record as it is in the repository. */
export interface StoredRecord {
  readonly rkey: string
  readonly cid: string
  readonly value: JsonObject
}
