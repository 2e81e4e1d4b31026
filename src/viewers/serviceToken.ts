import { isValidDid } from '@atproto/syntax'
import { RequestError } from '../errors.ts'

/** The algorithms of atproto's keys: RFC 8812 and RFC 7518. */
export type TokenAlg = 'ES256K' | 'ES256'

/** What a service token says, as far as it can be checked without the issuer's key. */
export interface ServiceToken {
  readonly issuer: string
  readonly alg: TokenAlg
  /** What is signed: header and payload as they are written. */
  readonly signed: string
  /** 64 bytes: r and s. */
  readonly signature: Buffer
}

export interface TokenExpectation {
  /** The service DID. */
  readonly serviceDid: string
  /** NSID of the method that is called. */
  readonly method: string
  /** Our clock, in seconds since 1970. */
  readonly nowSeconds: number
}

/** Longer than any that a PDS makes. */
const MAX_LENGTH = 4_096
/** How far clocks may differ, and how long a token may live. In seconds. */
const EXPIRED_LEEWAY = 30
const AHEAD_LEEWAY = 60
const MAX_LIFETIME = 3_600
const SIGNATURE_BYTES = 64

/**
 * Reads a service token and checks all that costs nothing (contract, section 8). Real tokens lack `jti`
 * and `iat`, so that neither is demanded.
 * @throws RequestError 401
 */
export function readServiceToken(
  authorization: string | undefined,
  expected: TokenExpectation,
): ServiceToken {
  const [, token = ''] = /^Bearer +([^ ]*) *$/iu.exec(authorization ?? '') ?? []
  if (token === '') {
    throw unauthorized('AuthMissing', 'This needs a service token: authorization: Bearer …')
  }
  const [header = '', payload = '', signature = '', ...rest] = token.split('.')
  if (token.length > MAX_LENGTH || rest.length > 0 || !/^[\w-]+(?:\.[\w-]+){2}$/u.test(token)) {
    throw badForm()
  }
  const alg = checkHeader(parseJson(header))
  const issuer = checkClaims(parseJson(payload), expected)
  return { issuer, alg, signed: `${header}.${payload}`, signature: readSignature(signature) }
}

/** Who claims to ask, without any check; undefined for what is no token. */
export function claimedIssuer(authorization: string): string | undefined {
  const payload = authorization.length <= MAX_LENGTH ? authorization.split('.')[1] : undefined
  if (payload === undefined) {
    return undefined
  }
  try {
    const { iss } = parseJson(payload)
    return typeof iss === 'string' ? iss : undefined
  } catch {
    // Garbage claims to be nobody.
    return undefined
  }
}

export function unauthorized(error: string, message: string): RequestError {
  return new RequestError(error, message, 401)
}

type Claims = Readonly<Record<string, unknown>>

function parseJson(part: string): Claims {
  let value: unknown
  try {
    const bytes = Buffer.from(part, 'base64url')
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw badForm()
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badForm()
  }
  return value as Claims
}

function checkHeader({ alg, typ, kid }: Claims): TokenAlg {
  if (typ !== undefined && !(typeof typ === 'string' && typ.toUpperCase() === 'JWT')) {
    throw unauthorized('BadJwtType', 'The token is not a service token: typ is JWT or absent')
  }
  if (typeof alg !== 'string' || (kid !== undefined && kid !== '#atproto')) {
    throw badForm()
  }
  if (alg !== 'ES256K' && alg !== 'ES256') {
    throw unauthorized(
      'BadJwtSignature',
      'The token is signed in another way: alg is ES256K or ES256',
    )
  }
  return alg
}

function checkClaims(claims: Claims, { serviceDid, method, nowSeconds }: TokenExpectation): string {
  const { iss, aud, exp, lxm, iat, nbf } = claims
  if (typeof iss !== 'string' || typeof aud !== 'string' || !isTime(exp)) {
    throw badForm()
  }
  if (![iat, nbf].every((time) => time === undefined || isTime(time))) {
    throw badForm()
  }
  if (exp < nowSeconds - EXPIRED_LEEWAY) {
    throw unauthorized('JwtExpired', 'The token has expired')
  }
  if (exp > nowSeconds + MAX_LIFETIME) {
    throw unauthorized('BadJwt', 'The token lives too long: exp is at most an hour ahead')
  }
  if ([iat, nbf].some((time) => isTime(time) && time > nowSeconds + AHEAD_LEEWAY)) {
    throw unauthorized('BadJwt', 'The token is not valid yet: iat or nbf is ahead')
  }
  if (aud !== serviceDid && aud !== `${serviceDid}#bsky_fg`) {
    throw unauthorized('BadJwtAudience', `The token is for another service: aud is ${serviceDid}`)
  }
  if (lxm !== method) {
    throw unauthorized('BadJwtLexiconMethod', `The token is for another method: lxm is ${method}`)
  }
  if (!isAccountDid(iss)) {
    throw unauthorized('BadJwtIss', 'The token is of nobody: iss is a did:plc or did:web')
  }
  return iss
}

/** Only these two are of accounts; a did:key would vouch for itself. */
function isAccountDid(did: string): boolean {
  return /^did:plc:[a-z2-7]{24}$/u.test(did) || (/^did:web:[\w.%-]+$/u.test(did) && isValidDid(did))
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function readSignature(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.length !== SIGNATURE_BYTES || bytes.toString('base64url') !== part) {
    throw badSignature()
  }
  return bytes
}

function badForm(): RequestError {
  return unauthorized('BadJwt', 'The token is poorly formed')
}

export function badSignature(): RequestError {
  return unauthorized('BadJwtSignature', 'The token is not signed by the key of its issuer')
}
