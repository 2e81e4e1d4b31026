import { describeError } from '../errors.ts'

/** What stands in the error of a failed request, and what it means to somebody who runs a service. */
const MEANINGS: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/TimeoutError|ETIMEDOUT|UND_ERR_\w*TIMEOUT/u, 'no answer in time'],
  [/ENOTFOUND/u, 'DNS does not know the host name'],
  [/EAI_AGAIN|ESERVFAIL/u, 'DNS does not answer at the moment'],
  [/ECONNREFUSED/u, 'nothing listens there (connection refused)'],
  [/ECONNRESET|EPIPE|UND_ERR_SOCKET/u, 'the connection broke off'],
  [/EHOSTUNREACH|ENETUNREACH/u, 'there is no route to the host'],
  [/CERT_HAS_EXPIRED/u, 'the certificate has expired'],
  [/CERT_NOT_YET_VALID/u, 'the certificate is not valid yet'],
  [/ERR_TLS_CERT_ALTNAME_INVALID/u, 'the certificate is for another host name'],
  [/SELF_SIGNED|UNABLE_TO_\w+|CERT_\w+/u, 'the certificate is from nobody that is trusted'],
  [/ERR_SSL_|EPROTO/u, 'it does not speak TLS there'],
  [/unexpected redirect/u, 'it redirects to another address, which is not followed'],
  [/too large|too big|max(?:imum)? size/iu, 'the answer is too large'],
  [
    /non-unicast|not a public domain/u,
    'its address is not of the public network (FEEDGEN_ALLOW_LOCAL_NETWORK=true allows it on a local network)',
  ],
]

/** Says in a few words why a request got no answer; never holds what was sent. */
export function describeFetchFailure(error: unknown): string {
  const chain = chainOf(error)
  const meaning = MEANINGS.find(([pattern]) => chain.some((text) => pattern.test(text)))?.[1]
  return meaning ?? describeError(error)
}

/** Name, code and message of an error and of its causes; connecting to several addresses fails with several. */
function chainOf(error: unknown): string[] {
  if (!(error instanceof Error)) {
    return []
  }
  const code = 'code' in error ? String(error.code) : ''
  const parts = error instanceof AggregateError ? error.errors.flatMap(chainOf) : []
  return [`${error.name} ${code} ${error.message}`, ...parts, ...chainOf(error.cause)]
}
