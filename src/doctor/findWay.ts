import { isIP } from 'node:net'
import { excerpt } from '../texts/quote.ts'
import { attempt } from './attempt.ts'
import { checkDns } from './checks/checkDns.ts'
import type { DnsResult } from './checks/checkDns.ts'
import { checkTls } from './checks/checkTls.ts'
import type { Deployment } from './deployment.ts'
import { notesOf } from './findings.ts'
import type { Finding } from './findings.ts'

export interface Way {
  readonly findings: readonly Finding[]
  /** Why the service cannot be asked; undefined when nothing speaks against it. */
  readonly blocked: string | undefined
}

/** Looks at the name and the certificate, before anything is asked. */
export async function findWay(deployment: Deployment, signal: AbortSignal): Promise<Way> {
  const url = new URL(deployment.baseUrl)
  const host = url.hostname.replace(/^\[(.*)\]$/u, '$1')
  const dns = await lookUp(deployment, host)
  if (dns.addresses.length === 0) {
    const blocked = `${excerpt(host)} has no address`
    return { findings: [...dns.findings, notesOf('tls').skipped(blocked)], blocked }
  }
  const { findings } = dns
  if (url.protocol === 'http:') {
    return {
      findings: [...findings, notesOf('tls').skipped(`${url.origin} is plain http`)],
      blocked: undefined,
    }
  }
  const port = url.port === '' ? 443 : Number(url.port)
  const options = { host, port, addresses: dns.addresses, nowMs: Date.now(), signal }
  const tls = await attempt('tls', { findings: [] as readonly Finding[] }, async () => ({
    findings: await checkTls(options),
  }))
  const failed = tls.findings.some(({ verdict }) => verdict === 'failure')
  const reason = `Bluesky cannot make a secure connection to ${excerpt(host)}`
  return { findings: [...findings, ...tls.findings], blocked: failed ? reason : undefined }
}

/** What is asked elsewhere, or by its address, needs no DNS. */
async function lookUp(deployment: Deployment, host: string): Promise<DnsResult> {
  const { hostname, isElsewhere, allowLocalNetwork } = deployment
  if (isIP(host) !== 0) {
    const message =
      hostname === undefined
        ? `${host} is an address, which needs no DNS`
        : `--url gives an address: the host name ${hostname} is not looked at`
    return { findings: [notesOf('dns').skipped(message)], addresses: [host] }
  }
  const isLocal = isElsewhere || hostname === undefined || allowLocalNetwork
  return await attempt('dns', { findings: [], addresses: [] }, () => checkDns(host, isLocal))
}
