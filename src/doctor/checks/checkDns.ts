import { lookup } from 'node:dns/promises'
import { BlockList, isIPv6 } from 'node:net'
import { excerpt } from '../../texts/quote.ts'
import { explainFault } from '../faults.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'
import { READERS_SEE } from '../readersSee.ts'

export interface DnsResult {
  readonly findings: readonly Finding[]
  /** Empty when nothing could be found out. */
  readonly addresses: readonly string[]
}

const TIMEOUT_MS = 10_000
const note = notesOf('dns')

/** Asks the resolver of this machine, as a connection does. */
export async function checkDns(host: string, allowLocalNetwork: boolean): Promise<DnsResult> {
  const addresses = await resolve(host)
  if (addresses instanceof Error) {
    const { reason, advice } = explainFault(addresses, TIMEOUT_MS)
    const message = `${excerpt(host)}: ${reason}`
    return {
      findings: [note.failure(message, { advice, readersSee: READERS_SEE.offline })],
      addresses: [],
    }
  }
  const findings = [note.ok(`${host} is at ${addresses.join(', ')}`)]
  const local = addresses.filter(isLocal)
  if (local.length > 0 && !allowLocalNetwork) {
    findings.push(
      note.warning(`seen from this machine, ${local.join(', ')} is no public address`, {
        advice:
          'check from elsewhere that the public DNS names the public address, and look into /etc/hosts',
      }),
    )
  }
  return { findings, addresses }
}

async function resolve(host: string): Promise<readonly string[] | Error> {
  const ended = Promise.withResolvers<never>()
  // The resolver of the system cannot be told to stop; nobody waits for it any longer.
  const timer = setTimeout(() => {
    ended.reject(new DOMException('the resolver did not answer', 'TimeoutError'))
  }, TIMEOUT_MS)
  try {
    const found = await Promise.race([lookup(host, { all: true }), ended.promise])
    return [...new Set(found.map(({ address }) => address))]
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    clearTimeout(timer)
  }
}

const LOCAL = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  LOCAL.addSubnet(network, prefix)
}
LOCAL.addAddress('::', 'ipv6')
LOCAL.addAddress('::1', 'ipv6')
LOCAL.addSubnet('fc00::', 7, 'ipv6')
LOCAL.addSubnet('fe80::', 10, 'ipv6')

function isLocal(address: string): boolean {
  return LOCAL.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
