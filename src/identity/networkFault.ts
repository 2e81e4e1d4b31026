/** What keeps a request from being answered, by the code of the error that it fails with. */
export interface NetworkFault {
  readonly code: string
  readonly kind: 'dns' | 'refused' | 'noRoute' | 'timeout' | 'tls' | 'broken'
  /** In plain words, as part of a sentence. */
  readonly reason: string
}

type Meaning = readonly [kind: NetworkFault['kind'], reason: string]

const NO_ADDRESS: Meaning = ['dns', 'the host name has no address']
const NO_NAME_SERVER: Meaning = ['dns', 'no name server gave an answer for the host name']
const NO_ROUTE: Meaning = ['noRoute', 'there is no way to that address (no route)']
const NOT_TAKEN: Meaning = ['timeout', 'the connection was not taken in time']
const LATE: Meaning = ['timeout', 'no answer in time']
const CLOSED: Meaning = ['broken', 'the connection was closed before an answer']
const PART_OF_CHAIN: Meaning = ['tls', 'the certificate chain is incomplete']

const BY_CODE: Readonly<Record<string, Meaning>> = {
  ENOTFOUND: NO_ADDRESS,
  ENODATA: NO_ADDRESS,
  EAI_AGAIN: NO_NAME_SERVER,
  ESERVFAIL: NO_NAME_SERVER,
  ECONNREFUSED: ['refused', 'nobody listens there (connection refused)'],
  EHOSTUNREACH: NO_ROUTE,
  ENETUNREACH: NO_ROUTE,
  ETIMEDOUT: NOT_TAKEN,
  UND_ERR_CONNECT_TIMEOUT: NOT_TAKEN,
  UND_ERR_HEADERS_TIMEOUT: LATE,
  UND_ERR_BODY_TIMEOUT: LATE,
  ECONNRESET: CLOSED,
  EPIPE: CLOSED,
  UND_ERR_SOCKET: CLOSED,
  CERT_HAS_EXPIRED: ['tls', 'the certificate has expired'],
  CERT_NOT_YET_VALID: ['tls', 'the certificate is not valid yet'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['tls', 'the certificate is self-signed: nobody trusts it'],
  SELF_SIGNED_CERT_IN_CHAIN: ['tls', 'the certificate is of an authority nobody trusts'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: PART_OF_CHAIN,
  UNABLE_TO_GET_ISSUER_CERT: PART_OF_CHAIN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    'tls',
    'the certificate chain is incomplete, or of an authority nobody trusts',
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: ['tls', 'the certificate is for another host name'],
  EPROTO: ['tls', 'what answers there speaks no TLS, or has no certificate for this name'],
  HPE: ['broken', 'what answers there speaks no HTTP'],
}

/** The fault of an error code; undefined for a code that says nothing. */
export function networkFaultOf(code: string): NetworkFault | undefined {
  const known = Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined
  if (known !== undefined) {
    return { code, kind: known[0], reason: known[1] }
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return networkFaultOf('EPROTO')
  }
  return code.startsWith('HPE_') ? networkFaultOf('HPE') : undefined
}

/** Finds the code that says it, however deep the error is wrapped; several addresses fail with several. */
export function findNetworkFault(error: unknown): NetworkFault | undefined {
  if (!(error instanceof Error)) {
    return undefined
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const fault = networkFaultOf(error.name === 'HTTPParserError' ? 'HPE' : code)
  const inner: unknown[] = error instanceof AggregateError ? error.errors : []
  for (const cause of fault === undefined ? [...inner, error.cause] : []) {
    const found = findNetworkFault(cause)
    if (found !== undefined) {
      return found
    }
  }
  return fault
}
