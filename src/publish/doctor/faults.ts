import { excerpt } from './excerpt.ts'

/**
 * Why there is no answer, in plain words, and what the owner of the server can do. Finer than
 * `describeFetchFailure`, which speaks about the servers of others.
 */
export interface Fault {
  readonly kind:
    | 'dns'
    | 'refused'
    | 'noRoute'
    | 'timeout'
    | 'tls'
    | 'broken'
    | 'tooLarge'
    | 'stopped'
  readonly reason: string
  readonly advice: string
}

type Explanation = readonly [kind: Fault['kind'], reason: string, advice: string]

const CHECK_RECORD = 'add an A record (and AAAA, if the server has IPv6) for it at the DNS provider'
const START_PROXY =
  'start what listens there (the service, or the TLS proxy in front of it), and let the firewall pass it'
const RENEW = 'look into the log of the TLS proxy for why it was not renewed, and renew it'
const WHOLE_CHAIN =
  'serve the whole chain (fullchain.pem, not cert.pem), or let Caddy get the certificate'
const TRUSTED = 'use a certificate of a public authority, such as Caddy gets from Let’s Encrypt'

const BY_CODE: Readonly<Record<string, Explanation>> = {
  ENOTFOUND: ['dns', 'the host name has no address', CHECK_RECORD],
  ENODATA: ['dns', 'the host name has no address', CHECK_RECORD],
  EAI_AGAIN: [
    'dns',
    'no name server gave an answer for the host name',
    'check the DNS of this machine, then the name servers of the domain',
  ],
  ECONNREFUSED: ['refused', 'nobody listens there (connection refused)', START_PROXY],
  EHOSTUNREACH: ['noRoute', 'there is no way to that address (no route)', START_PROXY],
  ENETUNREACH: ['noRoute', 'there is no way to that address (no route)', START_PROXY],
  ETIMEDOUT: ['timeout', 'the connection was not taken in time', START_PROXY],
  UND_ERR_CONNECT_TIMEOUT: ['timeout', 'the connection was not taken in time', START_PROXY],
  ECONNRESET: ['broken', 'the connection was closed before an answer', START_PROXY],
  EPIPE: ['broken', 'the connection was closed before an answer', START_PROXY],
  UND_ERR_SOCKET: ['broken', 'the connection was closed before an answer', START_PROXY],
  CERT_HAS_EXPIRED: ['tls', 'the certificate has expired', RENEW],
  CERT_NOT_YET_VALID: [
    'tls',
    'the certificate is not valid yet',
    'set the clock of this machine, or that of the server when the certificate was made, right',
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['tls', 'the certificate is self-signed: nobody trusts it', TRUSTED],
  SELF_SIGNED_CERT_IN_CHAIN: ['tls', 'the certificate is of an authority nobody trusts', TRUSTED],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['tls', 'the certificate chain is incomplete', WHOLE_CHAIN],
  UNABLE_TO_GET_ISSUER_CERT: ['tls', 'the certificate chain is incomplete', WHOLE_CHAIN],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    'tls',
    'the certificate chain is incomplete, or of an authority nobody trusts',
    WHOLE_CHAIN,
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'tls',
    'the certificate is for another host name',
    'name FEEDGEN_HOSTNAME in the configuration of the TLS proxy, and get a certificate for it',
  ],
  EPROTO: [
    'tls',
    'what answers there speaks no TLS, or has no certificate for this name',
    'name FEEDGEN_HOSTNAME in the configuration of the TLS proxy, and read the log of the proxy',
  ],
}

const STOPPED: Fault = { kind: 'stopped', reason: 'the doctor was stopped', advice: 'run it again' }

/** Finds the code that says it, however deep it is wrapped. */
export function explainFault(error: unknown, timeoutMs: number): Fault {
  if (error instanceof Error && error.name === 'TimeoutError') {
    const reason = `there was no whole answer within ${timeoutMs / 1000} s`
    return { kind: 'timeout', reason, advice: START_PROXY }
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return STOPPED
  }
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
    const fault = explainCode(cause.name === 'HTTPParserError' ? 'HPE_' : code)
    if (fault !== undefined) {
      return fault
    }
  }
  const last = deepest(error)
  return { kind: 'broken', reason: `it failed: ${last}`, advice: START_PROXY }
}

/** The fault of an error code; undefined for a code that says nothing. */
export function explainCode(code: string): Fault | undefined {
  const known = Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined
  if (known !== undefined) {
    const [kind, reason, advice] = known
    return { kind, reason, advice }
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return explainCode('EPROTO')
  }
  if (code.startsWith('HPE_')) {
    const reason = 'what answers there speaks no HTTP'
    return { kind: 'broken', reason, advice: 'check which program has that port' }
  }
  return undefined
}

function deepest(error: unknown): string {
  let text = String(error)
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    text = cause.message || text
  }
  return excerpt(text)
}
