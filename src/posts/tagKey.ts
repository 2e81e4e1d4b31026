import { hash } from 'node:crypto'

/** Postgres takes 2,704 bytes of a key, which also holds an at-uri and a cid. */
const MAX_BYTES = 512
const MAX_BYTES_A_UNIT = 3

/**
 * The text under which a tag stands in the index: the tag, or its hash when it is so long that no key
 * can hold it. A canonical tag never begins with `#`, so that no other tag has the same key.
 */
export function tagKey(tag: string): string {
  return tag.length * MAX_BYTES_A_UNIT <= MAX_BYTES || Buffer.byteLength(tag) <= MAX_BYTES
    ? tag
    : `#${hash('sha256', tag, 'base64url')}`
}

/** Stands where the key of a tag does, for events of accounts: no tag and no hash is like it. */
export const ACCOUNTS_KEY = '#account'
