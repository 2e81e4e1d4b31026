/** Service tokens as PDSs make them, and DID documents of those who sign them. */
import { generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { formatMultikey } from '@atproto/crypto'

export type Alg = 'ES256K' | 'ES256'

const CURVES = { ES256K: 'secp256k1', ES256: 'P-256' } as const
const ORDERS: Readonly<Record<Alg, bigint>> = {
  ES256K: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
}

export interface Signer {
  readonly did: string
  readonly alg: Alg
  readonly privateKey: KeyObject
  readonly multikey: string
}

export function createSigner(did: string, alg: Alg = 'ES256K'): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: CURVES[alg] })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = Buffer.concat([
    Buffer.from([4]),
    Buffer.from(x, 'base64url'),
    Buffer.from(y, 'base64url'),
  ])
  return { did, alg, privateKey, multikey: formatMultikey(alg, point) }
}

/** As a PLC directory gives it. */
export function documentOf({ did, multikey }: Signer, pdsUrl = 'https://pds.example.com') {
  return {
    id: did,
    verificationMethod: [
      { id: `${did}#atproto`, type: 'Multikey', controller: did, publicKeyMultibase: multikey },
    ],
    service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: pdsUrl }],
  }
}

export interface TokenParts {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  /** The other form of the signature. */
  readonly isHighS?: boolean
}

/** A good token but for what is laid over it; a part that is undefined is left out. */
export function serviceToken(
  { did, alg, privateKey }: Signer,
  claims: Readonly<Record<string, unknown>>,
  { header = {}, isHighS = false }: Omit<TokenParts, 'claims'> = {},
): string {
  const now = Math.floor(Date.now() / 1_000)
  const payload = { iss: did, exp: now + 60, iat: now, jti: String(Math.random()), ...claims }
  const signed = [{ typ: 'JWT', alg, ...header }, payload].map(encode).join('.')
  const signature = sign('sha256', Buffer.from(signed), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return `${signed}.${withS(signature, alg, isHighS).toString('base64url')}`
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function withS(signature: Buffer, alg: Alg, isHigh: boolean): Buffer {
  const order = ORDERS[alg]
  const s = BigInt(`0x${signature.subarray(32).toString('hex')}`)
  const isHighNow = s > order / 2n
  const wanted = isHighNow === isHigh ? s : order - s
  const text = wanted.toString(16).padStart(64, '0')
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(text, 'hex')])
}
