import { Resolver } from 'node:dns/promises'
import { HandleResolver } from '@atproto/identity'
import { isValidDid, isValidHandle } from '@atproto/syntax'
import type { Fetch } from './guardedFetch.ts'
import { IdentityError } from './identityError.ts'
import { observeFetch } from './observedFetch.ts'

export interface HandleOptions {
  readonly fetch: Fetch
  /** `ADDRESS:PORT`; default: those of the system. */
  readonly dnsServers?: readonly string[]
}

const TIMEOUT_MS = 10_000
// The default of Node waits for more than a minute when no server answers.
const DNS_TIMEOUT_MS = 3_000
const DNS_TRIES = 2

/** Asks DNS within a time, and knows what it said. */
class TimedHandleResolver extends HandleResolver {
  readonly #dns = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES })
  dnsFailure = ''

  useServers(servers: readonly string[]): void {
    this.#dns.setServers(servers)
  }

  override async resolveDns(handle: string): Promise<string | undefined> {
    const name = `_atproto.${handle}`
    try {
      const did = this.parseDnsResult(await this.#dns.resolveTxt(name))
      this.dnsFailure =
        did === undefined
          ? `DNS has no TXT record ${name} with one did=`
          : `the TXT record ${name} holds no DID`
      return did
    } catch (error) {
      // A name without a record is what a handle by https looks like; the code says what happened.
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
      this.dnsFailure = `DNS has no TXT record ${name} (${code})`
      return undefined
    }
  }
}

/**
 * The DID that a handle names by DNS or by https, lower and upper case alike.
 * @throws IdentityError saying what was found at both places
 */
export async function resolveHandle(handle: string, options: HandleOptions): Promise<string> {
  const name = handle.toLowerCase()
  if (!isValidHandle(name)) {
    throw new IdentityError(
      `${handle} is no handle: give a name such as alice.example.net, or a DID`,
    )
  }
  const observed = observeFetch(options.fetch)
  const resolver = new TimedHandleResolver({ fetch: observed.fetch, timeout: TIMEOUT_MS })
  if (options.dnsServers !== undefined) {
    resolver.useServers(options.dnsServers)
  }
  const did = await resolver.resolve(name)
  if (did === undefined || !isValidDid(did)) {
    const host = observed.lastFailure() ?? `https://${name}/.well-known/atproto-did holds no DID`
    throw new IdentityError(
      `the handle ${name} names no account: ${resolver.dnsFailure}, and ${host}`,
    )
  }
  return did
}
