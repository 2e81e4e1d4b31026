import { cidOfBlob, isObject } from '../pds/json.ts'
import type { Json } from '../pds/json.ts'
import { escapeUnsafe, shorten } from '../texts/quote.ts'

const MAX_SHOWN = 120

/** A field of a record on one line: quoted, so that no record can play with the terminal. */
export function showValue(value: Json | undefined): string {
  if (value === undefined) {
    return 'nothing'
  }
  const cid = cidOfBlob(value)
  if (cid !== undefined && isObject(value)) {
    return `${escapeAll(value['mimeType'])} of ${escapeAll(value['size'])} bytes (${cid.slice(0, 80)})`
  }
  return escapeAll(value)
}

function escapeAll(value: Json | undefined): string {
  return shorten(escapeUnsafe(JSON.stringify(value ?? null)), MAX_SHOWN)
}
