import { describeFetchFailure } from './describeFetchFailure.ts'
import { RefusedUrlError } from './guardedFetch.ts'
import type { Fetch } from './guardedFetch.ts'

/** A fetch that remembers how its last request went, for libraries that drop the reason. */
export interface ObservedFetch {
  readonly fetch: Fetch
  /** As part of a sentence; undefined when the last answer was good, or nothing was asked. */
  lastFailure: () => string | undefined
  /** Whether the last request found that there is nothing, or may not be made at all. */
  isAbsent: () => boolean
}

const ABSENT = new Set([404, 410])

export function observeFetch(fetch: Fetch): ObservedFetch {
  let failure: string | undefined
  let isAbsent = false
  return {
    fetch: async (input, init) => {
      const url = input instanceof Request ? input.url : input.toString()
      try {
        const response = await fetch(input, init)
        isAbsent = ABSENT.has(response.status)
        failure = response.ok ? undefined : `${url} answers ${response.status}`
        return response
      } catch (error) {
        failure = `${url}: ${describeFetchFailure(error)}`
        isAbsent = isRefused(error)
        throw error
      }
    },
    lastFailure: () => failure,
    isAbsent: () => isAbsent,
  }
}

/** Also when only what its name resolves to shows that it is of the local network. */
function isRefused(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false
  }
  const isLocal = /non-unicast|not a public domain/u.test(error.message)
  return error instanceof RefusedUrlError || isLocal || isRefused(error.cause)
}
