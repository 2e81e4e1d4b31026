import { describeFetchFailure } from './describeFetchFailure.ts'
import type { Fetch } from './guardedFetch.ts'

/** A fetch that remembers how its last request went, for libraries that drop the reason. */
export interface ObservedFetch {
  readonly fetch: Fetch
  /** As part of a sentence; undefined when the last answer was good, or nothing was asked. */
  lastFailure: () => string | undefined
}

export function observeFetch(fetch: Fetch): ObservedFetch {
  let failure: string | undefined
  return {
    fetch: async (input, init) => {
      const url = input instanceof Request ? input.url : input.toString()
      try {
        const response = await fetch(input, init)
        failure = response.ok ? undefined : `${url} answers ${response.status}`
        return response
      } catch (error) {
        failure = `${url}: ${describeFetchFailure(error)}`
        throw error
      }
    },
    lastFailure: () => failure,
  }
}
