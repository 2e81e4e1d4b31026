import { describe, expect, test } from 'vitest'
import { openDnsServer } from '../../test/support/dnsServer.ts'
import { answerFrom, openLocalServer } from '../../test/support/localServer.ts'
import { createGuardedFetch } from './guardedFetch.ts'
import type { Fetch } from './guardedFetch.ts'
import { resolveAccount } from './resolveAccount.ts'
import { findFeedGeneratorUrl, findHandle, findPdsUrl, resolveDid } from './resolveDid.ts'

const ALICE = 'did:plc:alicealicealicealicealic'
const BOB = 'did:plc:bobbobbobbobbobbobbobbob'
const PDS = { id: '#atproto_pds', type: 'AtprotoPersonalDataServer' }
const guarded = createGuardedFetch({ allowLocalNetwork: true, timeoutMs: 2_000 })

function documentOf(did: string, handle: string, endpoint = 'https://pds.tagfeed.dev/') {
  return {
    id: did,
    alsoKnownAs: [`at://${handle}`],
    service: [{ ...PDS, serviceEndpoint: endpoint }],
  }
}

/** A directory, a host of handles and a name server, all on the loopback. */
async function openNetwork(
  documents: Record<string, object | string | number>,
  records: Record<string, readonly string[]> = {},
) {
  const stack = new AsyncDisposableStack()
  const server = stack.use(await openLocalServer(answerFrom(documents)))
  const dns = stack.use(await openDnsServer(records))
  // The handles of these tests are on this host: the path says which was asked.
  const fetch: Fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const isHandle = url.hostname.endsWith('.tagfeed.dev')
    return guarded(isHandle ? `${server.url}/${url.hostname}` : url, init)
  }
  return {
    options: { plcUrl: server.url, fetch, dnsServers: [dns.address] },
    url: server.url,
    did: `did:web:localhost%3A${server.port}`,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

describe('an account', () => {
  test('is found by a handle in DNS, whatever its case and with @', async () => {
    await using network = await openNetwork(
      { [`/${ALICE}`]: documentOf(ALICE, 'alice.tagfeed.dev') },
      { '_atproto.alice.tagfeed.dev': ['v=spf1', `did=${ALICE}`] },
    )
    const account = { did: ALICE, handle: 'alice.tagfeed.dev', pdsUrl: 'https://pds.tagfeed.dev' }
    for (const identifier of ['alice.tagfeed.dev', '@Alice.tagfeed.DEV', ALICE]) {
      expect(await resolveAccount(identifier, network.options)).toEqual(account)
    }
  })

  test('is found by a handle at its well-known address', async () => {
    await using network = await openNetwork({
      [`/${BOB}`]: documentOf(BOB, 'bob.tagfeed.dev'),
      '/bob.tagfeed.dev': `${BOB}\n`,
    })
    const account = await resolveAccount('bob.tagfeed.dev', network.options)
    expect(account.did).toBe(BOB)
  })

  test('says what it found when a handle names nobody', async () => {
    await using network = await openNetwork({ '/bob.tagfeed.dev': '<html>' })
    await expect(resolveAccount('bob.tagfeed.dev', network.options)).rejects.toThrow(
      /_atproto\.bob\.tagfeed\.dev \(ENOTFOUND\), and https:\/\/bob.* holds no DID/u,
    )
    await expect(resolveAccount('carol.tagfeed.dev', network.options)).rejects.toThrow(
      /carol\.tagfeed\.dev.* answers 404/u,
    )
    await expect(resolveAccount('not a handle', network.options)).rejects.toThrow(/no handle/u)
  })

  test('does not take a handle with two DIDs in DNS, nor one that its account does not claim', async () => {
    await using network = await openNetwork(
      { [`/${ALICE}`]: documentOf(ALICE, 'alice.tagfeed.dev') },
      {
        '_atproto.two.tagfeed.dev': [`did=${ALICE}`, `did=${BOB}`],
        '_atproto.thief.tagfeed.dev': [`did=${ALICE}`],
      },
    )
    await expect(resolveAccount('two.tagfeed.dev', network.options)).rejects.toThrow(/one did=/u)
    await expect(resolveAccount('thief.tagfeed.dev', network.options)).rejects.toThrow(
      /goes by alice\.tagfeed\.dev/u,
    )
  })

  test('has to have a PDS', async () => {
    await using network = await openNetwork({ [`/${ALICE}`]: { id: ALICE } })
    await expect(resolveAccount(ALICE, network.options)).rejects.toThrow(/no PDS/u)
  })
})

describe('a DID document', () => {
  test('of a did:web is read from its host, with its feed generator', async () => {
    const table: Record<string, object> = {}
    await using network = await openNetwork(table)
    table['/.well-known/did.json'] = {
      id: network.did,
      service: [
        { id: '#bsky_fg', type: 'BskyFeedGenerator', serviceEndpoint: 'https://feed.tagfeed.dev/' },
      ],
    }
    const document = await resolveDid(network.did, network.options)
    expect(findFeedGeneratorUrl(document)).toBe('https://feed.tagfeed.dev')
    expect(findPdsUrl(document)).toBeUndefined()
    expect(findHandle(document)).toBeUndefined()
  })

  test.each([
    ['is missing', 404, /cannot be found: .*answers 404/u],
    ['cannot be given', 500, /cannot be read: .*answers 500/u],
    ['is a page', '<html>', /no JSON/u],
    ['is of somebody else', documentOf(BOB, 'bob.tagfeed.dev'), /another DID/u],
    ['is something else', { id: 1 }, /no DID document/u],
  ])('that %s is refused with the reason', async (_name, answer, reason) => {
    await using network = await openNetwork({ [`/${ALICE}`]: answer })
    await expect(resolveDid(ALICE, network.options)).rejects.toThrow(reason)
  })

  test('of another method, or of no DID at all, is not looked for', async () => {
    await using network = await openNetwork({})
    for (const did of ['did:key:abc', 'did:web:', 'alice']) {
      await expect(resolveDid(did, network.options)).rejects.toThrow(/no did:plc/u)
    }
  })

  test('is not read where nothing answers', async () => {
    const network = await openNetwork({})
    await network[Symbol.asyncDispose]()
    await expect(resolveDid(ALICE, network.options)).rejects.toThrow(/nobody listens there/u)
  })
})
