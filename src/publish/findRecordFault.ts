import { jsonToLex } from '@atproto/lex-json'
import { isValidRecordKey } from '@atproto/syntax'
import { describeError } from '../errors.ts'
import { $safeValidate } from '../lexicons/app/bsky/feed/generator.ts'
import type { JsonObject } from '../pds/json.ts'

/** What the lexicon of feed generators, or the form of record keys, has against a record. */
export function findRecordFault(rkey: string, record: JsonObject): string | undefined {
  if (!isValidRecordKey(rkey)) {
    return 'its record key is none'
  }
  try {
    const checked = $safeValidate(jsonToLex(record as never))
    return checked.success ? undefined : checked.reason.message
  } catch (error) {
    return describeError(error)
  }
}
