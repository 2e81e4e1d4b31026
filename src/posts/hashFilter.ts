import { createHash } from 'node:crypto'
import type { PostFilter } from './postFilter.ts'

/**
 * Part of every hash: raise it when `createMatcher` changes its mind about any post, so that the rows
 * derived by the former rule are made anew.
 */
const MATCHER_VERSION = 1

/** The same for filters that ask for languages: 2 compares canonical codes. */
const LANGUAGE_MATCHER_VERSION = 2

/** Names a filter by what it lets through: the order of its lists and repeats in them do not matter. */
export function hashFilter(filter: PostFilter): string {
  return createHash('sha256').update(canonicalJson(filter)).digest('base64url').slice(0, 22)
}

function canonicalJson(filter: PostFilter): string {
  const entries = Object.entries(filter)
    .map(([key, value]) => [key, Array.isArray(value) ? [...new Set(value)].sort(byText) : value])
    .sort(([a], [b]) => byText(String(a), String(b)))
  const version = filter.languages.length > 0 ? LANGUAGE_MATCHER_VERSION : MATCHER_VERSION
  return JSON.stringify([version, entries])
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
