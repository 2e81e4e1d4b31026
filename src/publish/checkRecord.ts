import { jsonToLex } from '@atproto/lex'
import { isValidRecordKey } from '@atproto/syntax'
import { app } from '@bsky/sdk/lexicons'
import { describeError } from '../errors.ts'
import type { JsonObject } from './feedRecord.ts'

/** What the lexicon of feed generators, or the form of record keys, has against a record. */
export function findRecordFault(rkey: string, record: JsonObject): string | undefined {
  if (!isValidRecordKey(rkey)) {
    return 'its record key is none'
  }
  try {
    const checked = app.bsky.feed.generator.$safeValidate(jsonToLex(record as never))
    return checked.success ? undefined : checked.reason.message
  } catch (error) {
    return describeError(error)
  }
}
