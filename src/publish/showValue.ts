import { cidOfBlob, isObject } from '../pds/json.ts'
import type { Json } from '../pds/json.ts'

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
  const text = JSON.stringify(value ?? null).replaceAll(
    /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  )
  const characters = Array.from(text.slice(0, 4 * MAX_SHOWN))
  return characters.length > MAX_SHOWN ? `${characters.slice(0, MAX_SHOWN).join('')}…` : text
}
