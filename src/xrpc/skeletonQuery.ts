import { isAtUriString } from '@atproto/syntax'
import { RequestError } from '../errors.ts'

export interface SkeletonQuery {
  /** An at-uri, not necessarily of a feed that is served. */
  readonly feed: string
  readonly limit: number
  readonly cursor: string | undefined
}

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 100

/**
 * Reads the query string of getFeedSkeleton, more strictly than the lexicon: a number is digits and
 * nothing else, and a parameter that is given twice is refused, whichever it is.
 * @throws RequestError InvalidRequest
 */
export function readSkeletonQuery(search: string): SkeletonQuery {
  const parameters = new URLSearchParams(search)
  refuseRepeats(parameters)
  const feed = parameters.get('feed') ?? ''
  if (feed === '') {
    throw invalid('feed is missing: give the at-uri of a feed')
  }
  if (!isAtUriString(feed)) {
    throw invalid('feed is not an at-uri')
  }
  return { feed, limit: readLimit(parameters.get('limit')), cursor: readCursor(parameters) }
}

function readLimit(text: string | null): number {
  if (text === null || text === '') {
    return DEFAULT_LIMIT
  }
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > MAX_LIMIT) {
    throw invalid(`limit is a number from 1 to ${MAX_LIMIT}`)
  }
  return limit
}

/** An empty cursor counts as absent: some clients send what they do not have. */
function readCursor(parameters: URLSearchParams): string | undefined {
  return parameters.get('cursor') || undefined
}

function refuseRepeats(parameters: URLSearchParams): void {
  const seen = new Set<string>()
  for (const name of parameters.keys()) {
    if (seen.has(name)) {
      throw invalid(`${name.slice(0, 40)} is given more than once: give it once`)
    }
    seen.add(name)
  }
}

function invalid(message: string): RequestError {
  return new RequestError('InvalidRequest', message)
}
