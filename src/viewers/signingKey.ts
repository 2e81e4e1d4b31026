import { createPublicKey, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { parseDidKey } from '@atproto/crypto'
import { getKey } from '@atproto/identity'
import type { DidDocument } from '@atproto/identity'
import type { ServiceToken, TokenAlg } from './serviceToken.ts'

/** The `#atproto` key of an account, which OpenSSL verifies with. */
export interface SigningKey {
  readonly alg: TokenAlg
  readonly key: KeyObject
}

/** Half of the order of each curve: an `s` above it is the other form of the same signature. */
const HALF_ORDER: Readonly<Record<TokenAlg, Buffer>> = {
  ES256K: Buffer.from('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0', 'hex'),
  ES256: Buffer.from('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8', 'hex'),
}
const CURVE: Readonly<Record<TokenAlg, string>> = { ES256K: 'secp256k1', ES256: 'P-256' }
const COORDINATE_BYTES = 32

/** The key of a DID document; undefined when it has none, or none that atproto knows. */
export function signingKeyOf(document: DidDocument): SigningKey | undefined {
  try {
    const didKey = getKey(document)
    return didKey === undefined ? undefined : parseSigningKey(didKey)
  } catch {
    // Whatever is written there is no key.
    return undefined
  }
}

/** @throws when it is no did:key of one of the two curves */
export function parseSigningKey(didKey: string): SigningKey {
  const { jwtAlg, keyBytes } = parseDidKey(didKey)
  const alg: TokenAlg = jwtAlg === 'ES256K' ? 'ES256K' : 'ES256'
  // Uncompressed: a byte that says so, x and y.
  const [x, y] = [0, 1].map((index) => {
    const from = 1 + index * COORDINATE_BYTES
    return Buffer.from(keyBytes.subarray(from, from + COORDINATE_BYTES)).toString('base64url')
  })
  const jwk = { kty: 'EC', crv: CURVE[alg], x: x ?? '', y: y ?? '' }
  return { alg, key: createPublicKey({ key: jwk, format: 'jwk' }) }
}

/** On a thread of its own: half a millisecond in which the event loop goes on. */
const verifyApart = promisify(verify)

/** Whether a token is signed by a key; only low-S signatures are (atproto's cryptography page). */
export async function isSignedBy({ alg, key }: SigningKey, token: ServiceToken): Promise<boolean> {
  const { signed, signature } = token
  if (token.alg !== alg || signature.subarray(COORDINATE_BYTES).compare(HALF_ORDER[alg]) > 0) {
    return false
  }
  const options = { key, dsaEncoding: 'ieee-p1363' } as const
  return await verifyApart('sha256', Buffer.from(signed), options, signature)
}
