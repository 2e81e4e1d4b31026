import { isIP } from 'node:net'
import { connect } from 'node:tls'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { timeLimit } from '../../identity/timeLimit.ts'
import { countOf } from '../../texts/countOf.ts'
import { excerpt } from '../../texts/quote.ts'
import { explainCode, explainFault } from '../faults.ts'
import type { Fault } from '../faults.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'
import { READERS_SEE } from '../readersSee.ts'

const TIMEOUT_MS = 10_000
const DAY_MS = 24 * 3_600_000
/** Automatic renewal has failed for two weeks by then, with a certificate of 90 days. */
const EXPIRY_WARNING_MS = 14 * DAY_MS
/** What clients renew when a third of its time is left, and may live no longer than some days. */
const EXPIRY_WARNING_SHARE = 1 / 3
/** More addresses than that are a content network, where one stands for all. */
const MAX_ADDRESSES = 8
const note = notesOf('tls')

interface Handshake {
  /** Why Bluesky would refuse it; undefined for a good one. */
  readonly fault: Fault | undefined
  /** Present when the server has shown one, good or not. */
  readonly certificate: PeerCertificate | undefined
}

export interface TlsOptions {
  readonly host: string
  readonly port: number
  /** All that the host name stands for: a reader may be sent to any of them. */
  readonly addresses: readonly string[]
  readonly nowMs: number
  readonly signal: AbortSignal
}

/** Makes a connection to every address, and judges the chain as strictly as Bluesky does. */
export async function checkTls({ addresses, ...options }: TlsOptions): Promise<Finding[]> {
  const tried = addresses.slice(0, MAX_ADDRESSES)
  const findings = await Promise.all(
    tried.map(async (address) =>
      judge(await shakeHands(address, options), { ...options, address }),
    ),
  )
  // One line for all that are well alike.
  return [...new Map(findings.map((finding) => [finding.message, finding])).values()]
}

interface Place extends Omit<TlsOptions, 'addresses'> {
  readonly address: string
}

function judge({ fault, certificate }: Handshake, { host, port, address, nowMs }: Place): Finding {
  const endMs = Date.parse(certificate?.valid_to ?? '')
  const end = Number.isNaN(endMs) ? '' : new Date(endMs).toISOString().slice(0, 10)
  const where = `${excerpt(host)}:${port}`
  if (fault !== undefined) {
    const details = certificate === undefined ? '' : ` (${describe(certificate, end)})`
    const message = `${where} at ${address}: ${fault.reason}${details}`
    // This machine may be without IPv6 while everybody else has it.
    return fault.kind === 'noRoute' && address.includes(':')
      ? note.warning(`${message}: it cannot be checked from here`, {
          advice: 'run the doctor on a machine with IPv6, or remove the AAAA record',
        })
      : note.failure(message, { advice: fault.advice, readersSee: READERS_SEE.offline })
  }
  const days = Math.floor((endMs - nowMs) / DAY_MS)
  const issuer = excerpt(String(certificate?.issuer.O ?? certificate?.issuer.CN ?? 'nobody'))
  const lifeMs = endMs - Date.parse(certificate?.valid_from ?? '')
  if (endMs - nowMs < Math.min(EXPIRY_WARNING_MS, lifeMs * EXPIRY_WARNING_SHARE)) {
    return note.warning(`the certificate of ${where} ends in ${countOf(days, 'day')}, on ${end}`, {
      advice: 'look into the log of the TLS proxy for why it has not been renewed',
    })
  }
  return note.ok(
    `the certificate of ${where} is good until ${end} (${countOf(days, 'day')}), by ${issuer}`,
  )
}

function describe({ subject, subjectaltname, issuer }: PeerCertificate, end: string): string {
  const names = subjectaltname ?? `CN:${String(subject.CN)}`
  return excerpt(`for ${names}, until ${end}, by ${String(issuer.O ?? issuer.CN)}`)
}

/** Goes through the handshake whatever the certificate is, so that it can be shown. */
function shakeHands(address: string, options: Omit<TlsOptions, 'addresses'>): Promise<Handshake> {
  const { host, port, signal } = options
  const ended = AbortSignal.any([signal, timeLimit(TIMEOUT_MS)])
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({
      host: address,
      port,
      // The name goes into the handshake and is what the certificate has to be for.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
    })
    const end = (handshake: Handshake): void => {
      ended.removeEventListener('abort', stop)
      socket.destroy()
      resolve(handshake)
    }
    const fail = (error: unknown): void =>
      end({ fault: explainFault(error, TIMEOUT_MS), certificate: undefined })
    const stop = (): void => fail(ended.reason)
    // Not once: a second error, while it is being closed, would end the doctor.
    socket.on('error', fail)
    socket.once('secureConnect', () => {
      const code = String(socket.authorizationError ?? '')
      const fault = socket.authorized
        ? undefined
        : (explainCode(code) ?? {
            kind: 'tls',
            reason: `the certificate is refused: ${excerpt(code)}`,
            advice: 'serve a certificate that browsers take too',
          })
      end({ fault, certificate: socket.getPeerCertificate() })
    })
    ended.addEventListener('abort', stop, { once: true })
    if (ended.aborted) {
      stop()
    }
  })
}
