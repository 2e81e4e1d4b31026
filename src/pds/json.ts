export type Json = null | boolean | number | string | readonly Json[] | JsonObject

/** Records stay as the JSON that the PDS gives, so that what is not understood is given back as it was. */
export interface JsonObject {
  readonly [key: string]: Json
}

/** The CID of a blob, in its form of today or that of 2023. */
export function cidOfBlob(blob: Json | undefined): string | undefined {
  const ref = isObject(blob) && isObject(blob['ref']) ? blob['ref']['$link'] : undefined
  const cid = ref ?? (isObject(blob) ? blob['cid'] : undefined)
  return typeof cid === 'string' ? cid : undefined
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
