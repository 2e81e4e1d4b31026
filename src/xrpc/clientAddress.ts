import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** The address for which a request counts: of an IPv6 client its network, of which it has many addresses. */
export type ReadClientAddress = (
  request: Pick<IncomingMessage, 'headers'> & {
    readonly socket: { readonly remoteAddress?: string | undefined }
  },
) => string

/** What is counted of an address that nobody can read, such as that of a client that has left. */
const UNKNOWN = 'unknown'
const GROUPS_OF_A_NETWORK = 4

/**
 * `X-Forwarded-For` is believed for as long as those who have written it are trusted: the client is the
 * first from the right that is not one of them.
 */
export function createClientAddress(trustedProxies: readonly string[]): ReadClientAddress {
  const trusted = new BlockList()
  for (const network of trustedProxies) {
    const [address = '', prefix] = network.split('/')
    const family = familyOf(address)
    if (prefix === undefined) {
      trusted.addAddress(address, family)
    } else {
      trusted.addSubnet(address, Number(prefix), family)
    }
  }
  return ({ headers, socket }) => {
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
    let client = plainAddress(socket.remoteAddress ?? '')
    for (let index = forwarded.length - 1; index >= 0; index -= 1) {
      if (isIP(client) === 0 || !trusted.check(client, familyOf(client))) {
        break
      }
      const before = plainAddress(forwarded[index]?.trim() ?? '')
      if (isIP(before) === 0) {
        break
      }
      client = before
    }
    return isIP(client) === 6 ? networkOf(client) : client || UNKNOWN
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

/** Without a port, brackets, zone, or the form that IPv4 has in IPv6. */
function plainAddress(text: string): string {
  const bare = text
    .replace(/^\[(.*)\](?::\d+)?$/u, '$1')
    .replace(/^([\d.]+):\d+$/u, '$1')
    .replace(/%.*$/u, '')
  return bare.replace(/^::ffff:([\d.]+)$/iu, '$1')
}

/** The first 64 bits of an IPv6 address. */
function networkOf(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  const groups = tail === undefined ? before : [...before, ...zeros, ...after]
  const network = groups.slice(0, GROUPS_OF_A_NETWORK).map((group) => parseInt(group, 16) || 0)
  return `${network.map((group) => group.toString(16)).join(':')}::/64`
}
