import { generateKeyPairSync, sign } from 'node:crypto'
import type { ServiceToken, TokenAlg } from './serviceToken.ts'
import { isSignedBy } from './signingKey.ts'

const CURVES: readonly (readonly [TokenAlg, string])[] = [
  ['ES256K', 'secp256k1'],
  ['ES256', 'P-256'],
]
const ATTEMPTS = 32

/**
 * Signs and verifies one text with a new key of each curve: a build of Node or OpenSSL that cannot would
 * turn every reader away, one by one.
 * @throws when a good signature is refused, or a wrong one taken
 */
export async function checkSignatures(): Promise<void> {
  for (const [alg, namedCurve] of CURVES) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
    const tokenOf = (signed: string): ServiceToken => ({
      issuer: '',
      alg,
      signed,
      signature: sign('sha256', Buffer.from(signed), {
        key: privateKey,
        dsaEncoding: 'ieee-p1363',
      }),
    })
    const key = { alg, key: publicKey }
    // OpenSSL signs with a high s every second time.
    const tokens = Array.from({ length: ATTEMPTS }, (_, index) => tokenOf(`check ${index}`))
    let good: ServiceToken | undefined
    for (const token of tokens) {
      good ??= (await isSignedBy(key, token)) ? token : undefined
    }
    if (good === undefined || (await isSignedBy(key, { ...good, signed: 'another text' }))) {
      throw new Error(
        `this Node cannot verify ${alg} signatures: use the one that is installed here`,
      )
    }
  }
}
