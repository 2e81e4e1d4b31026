import type { Clock } from '../time.ts'
import { US_PER_SECOND } from '../time.ts'
import type { Identities, Identity } from './identities.ts'
import { badSignature, readServiceToken, unauthorized } from './serviceToken.ts'
import type { ServiceToken } from './serviceToken.ts'
import { isSignedBy } from './signingKey.ts'
import type { VerifyViewer } from './verifyViewer.ts'

export interface VerifierOptions {
  readonly serviceDid: string
  readonly identities: Identities
  readonly clock: Clock
}

/**
 * Checks service tokens: first what costs nothing, then by the key of the issuer. A key that has been
 * changed since it was read is found after one wrong signature.
 */
export function createVerifier({ serviceDid, identities, clock }: VerifierOptions): VerifyViewer {
  return async (authorization, method) => {
    if (authorization === undefined) {
      return undefined
    }
    const nowSeconds = clock() / US_PER_SECOND
    const token = readServiceToken(authorization, { serviceDid, method, nowSeconds })
    const known = await identities.find(token.issuer)
    if (await isBy(known, token)) {
      return token.issuer
    }
    const anew = await identities.findAnew(token.issuer)
    if (anew !== undefined && (await isBy(anew, token))) {
      return token.issuer
    }
    if ((anew ?? known).key === undefined) {
      throw unauthorized(
        'BadJwtIss',
        'The issuer of the token has no key that could have signed it',
      )
    }
    throw badSignature()
  }
}

async function isBy({ key }: Identity, token: ServiceToken): Promise<boolean> {
  return key !== undefined && (await isSignedBy(key, token))
}
