import { describeError } from '../errors.ts'
import { findNetworkFault } from './networkFault.ts'

/** What a fetch of ours fails with beside the faults of networks; the library tells these in words alone. */
const MEANINGS: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/\bTimeoutError\b/u, 'no answer in time'],
  [/unexpected redirect/u, 'it redirects to another address, which is not followed'],
  [/too large|too big|max(?:imum)? size/iu, 'the answer is too large'],
  [
    /non-unicast|not a public domain/u,
    'its address is not of the public network (FEEDGEN_ALLOW_LOCAL_NETWORK=true allows it on a local network)',
  ],
]

/** Says in a few words why a request got no answer; never holds what was sent. */
export function describeFetchFailure(error: unknown): string {
  const texts = textsOf(error)
  const meaning = MEANINGS.find(([pattern]) => texts.some((text) => pattern.test(text)))?.[1]
  return meaning ?? findNetworkFault(error)?.reason ?? describeError(error)
}

/** Name and message of an error and of its causes; connecting to several addresses fails with several. */
function textsOf(error: unknown): string[] {
  if (!(error instanceof Error)) {
    return []
  }
  const parts = error instanceof AggregateError ? error.errors.flatMap(textsOf) : []
  return [`${error.name} ${error.message}`, ...parts, ...textsOf(error.cause)]
}
