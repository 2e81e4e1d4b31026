import { findNetworkFault, networkFaultOf } from '../identity/networkFault.ts'
import type { NetworkFault } from '../identity/networkFault.ts'
import { excerpt } from '../texts/quote.ts'

/** Why there is no answer, in plain words, and what the owner of the server can do. */
export interface Fault {
  readonly kind: NetworkFault['kind'] | 'tooLarge' | 'stopped'
  readonly reason: string
  readonly advice: string
}

const START_PROXY =
  'start what listens there (the service, or the TLS proxy in front of it), and let the firewall pass it'

const BY_KIND: Readonly<Record<NetworkFault['kind'], string>> = {
  dns: 'add an A record (and AAAA, if the server has IPv6) for it at the DNS provider',
  refused: START_PROXY,
  noRoute: START_PROXY,
  timeout: START_PROXY,
  broken: START_PROXY,
  // What is wrong with a chain, nearly always.
  tls: 'serve the whole chain (fullchain.pem, not cert.pem), or let Caddy get the certificate',
}

const ASK_NAME_SERVERS = 'check the DNS of this machine, then the name servers of the domain'
const TRUSTED = 'use a certificate of a public authority, such as Caddy gets from Let’s Encrypt'

/** Where the code says more than the kind. */
const BY_CODE: Readonly<Record<string, string>> = {
  EAI_AGAIN: ASK_NAME_SERVERS,
  ESERVFAIL: ASK_NAME_SERVERS,
  CERT_HAS_EXPIRED: 'look into the log of the TLS proxy for why it was not renewed, and renew it',
  CERT_NOT_YET_VALID:
    'set the clock of this machine, or that of the server when the certificate was made, right',
  DEPTH_ZERO_SELF_SIGNED_CERT: TRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: TRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID:
    'name FEEDGEN_HOSTNAME in the configuration of the TLS proxy, and get a certificate for it',
  EPROTO:
    'name FEEDGEN_HOSTNAME in the configuration of the TLS proxy, and read the log of the proxy',
  HPE: 'check which program has that port',
}

const STOPPED: Fault = { kind: 'stopped', reason: 'the doctor was stopped', advice: 'run it again' }

/** What an error of a request means; `timeoutMs` is what the request was given. */
export function explainFault(error: unknown, timeoutMs: number): Fault {
  if (error instanceof Error && error.name === 'TimeoutError') {
    const reason = `there was no whole answer within ${timeoutMs / 1000} s`
    return { kind: 'timeout', reason, advice: START_PROXY }
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return STOPPED
  }
  const fault = findNetworkFault(error)
  return fault === undefined
    ? { kind: 'broken', reason: `it failed: ${deepest(error)}`, advice: START_PROXY }
    : advise(fault)
}

/** The same of an error code alone; undefined for a code that says nothing. */
export function explainCode(code: string): Fault | undefined {
  const fault = networkFaultOf(code)
  return fault && advise(fault)
}

function advise({ code, kind, reason }: NetworkFault): Fault {
  return { kind, reason, advice: BY_CODE[code] ?? BY_KIND[kind] }
}

function deepest(error: unknown): string {
  let text = String(error)
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    text = cause.message || text
  }
  return excerpt(text)
}
