import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../pds/json.ts'

/** One field that differs; undefined is a field that is absent. */
export interface Change {
  readonly field: string
  readonly before: Json | undefined
  readonly after: Json | undefined
}

/** The fields that differ between two records, in the order of the later one; equal records differ in none. */
export function diffRecord(before: JsonObject, after: JsonObject): Change[] {
  const fields = new Set([...Object.keys(after), ...Object.keys(before)])
  return [...fields]
    .filter((field) => !isDeepStrictEqual(valueOf(before, field), valueOf(after, field)))
    .map((field) => ({ field, before: valueOf(before, field), after: valueOf(after, field) }))
}

/** A field may be named like one that every object inherits. */
function valueOf(record: JsonObject, field: string): Json | undefined {
  return Object.hasOwn(record, field) ? record[field] : undefined
}
