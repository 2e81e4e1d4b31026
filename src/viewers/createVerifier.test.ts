import { describe, expect, test } from 'vitest'
import { createSigner, documentOf, serviceToken } from '../../test/support/serviceTokens.ts'
import type { Signer } from '../../test/support/serviceTokens.ts'
import { IdentityError } from '../identity/identityError.ts'
import type { DidDocument } from '../identity/resolveDid.ts'
import { systemClock } from '../time.ts'
import { checkSignatures } from './checkSignatures.ts'
import { createVerifier } from './createVerifier.ts'
import { Identities } from './identities.ts'

const SERVICE = 'did:web:feeds.example.com'
const METHOD = 'app.bsky.feed.getFeedSkeleton'
const GOOD = { aud: SERVICE, lxm: METHOD }
const plc = (letter: string): string => `did:plc:${letter.repeat(24)}`

function openVerifier(signers: readonly Signer[]) {
  const documents = new Map<string, DidDocument>(
    signers.map((signer) => [signer.did, documentOf(signer)]),
  )
  const asked: string[] = []
  const time = { ms: 1_000 }
  const resolve = (did: string): Promise<DidDocument> => {
    asked.push(did)
    const document = documents.get(did)
    return document === undefined
      ? Promise.reject(new IdentityError('there is none', !did.endsWith('z')))
      : Promise.resolve(document)
  }
  const identities = new Identities({ resolve, now: () => time.ms })
  const verify = createVerifier({ serviceDid: SERVICE, identities, clock: systemClock })
  return { verify, documents, asked, time }
}

const k256 = createSigner(plc('a'))
const p256 = createSigner(plc('b'), 'ES256')
const web = createSigner('did:web:alice.example.com')
const absent = createSigner(plc('c'))
const unreachable = createSigner(plc('z'))
const selfMade = createSigner('did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme')
const now = Math.floor(Date.now() / 1_000)
const bearer = (token: string): string => `Bearer ${token}`
const of = (claims: object, header?: object, signer = k256): string =>
  bearer(serviceToken(signer, { ...GOOD, ...claims }, { header: { ...header } }))
const [head = '', body = '', signature = ''] = serviceToken(k256, GOOD).split('.')
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a token', () => {
  test.each([
    ['of a K-256 key', of({}), k256.did],
    ['of a P-256 key', of({}, {}, p256), p256.did],
    ['of a did:web', of({}, {}, web), web.did],
    ['for the service as it is named in a document', of({ aud: `${SERVICE}#bsky_fg` }), k256.did],
    ['without iat and jti', of({ iat: undefined, jti: undefined }), k256.did],
    ['with a typ in small letters', of({}, { typ: 'jwt' }), k256.did],
    ['without a typ', of({}, { typ: undefined }), k256.did],
    ['with a kid', of({}, { kid: '#atproto' }), k256.did],
    ['with a header that nobody knows', of({}, { crit: 1 }), k256.did],
    ['that has just expired', of({ exp: now - 25 }), k256.did],
    ['that lives nearly an hour', of({ exp: now + 3_590 }), k256.did],
    ['of a clock that is ahead a little', of({ iat: now + 50, nbf: now + 50 }), k256.did],
    ['with a scheme in small letters', of({}).replace('Bearer', 'bearer'), k256.did],
  ])('%s is taken', async (_, authorization, did) => {
    const { verify } = openVerifier([k256, p256, web])
    expect(await verify(authorization, METHOD)).toBe(did)
  })

  test.each([
    ['AuthMissing', ''],
    ['AuthMissing', 'Bearer'],
    ['AuthMissing', 'Bearer  '],
    ['AuthMissing', 'Basic YTpi'],
    ['AuthMissing', serviceToken(k256, GOOD)],
    ['BadJwt', 'Bearer a'],
    ['BadJwt', 'Bearer a.b'],
    ['BadJwt', 'Bearer a.b.c'],
    ['BadJwt', 'Bearer ..'],
    ['BadJwt', `Bearer ${head}.${body}`],
    ['BadJwt', `Bearer ${head}.${body}.${signature}.${signature}`],
    ['BadJwt', `Bearer ${head}.${body}=.${signature}`],
    ['BadJwt', `Bearer ${encode([])}.${body}.${signature}`],
    ['BadJwt', `Bearer ${encode(null)}.${body}.${signature}`],
    ['BadJwt', `Bearer ${head}.${encode('text')}.${signature}`],
    ['BadJwt', `Bearer ${head}.${Buffer.from([0xff, 0xfe]).toString('base64url')}.${signature}`],
    ['BadJwt', `Bearer ${'x'.repeat(5_000)}.${body}.${signature}`],
    ['BadJwt', of({ iss: undefined })],
    ['BadJwt', of({ iss: 7 })],
    ['BadJwt', of({ aud: [SERVICE] })],
    ['BadJwt', of({ aud: undefined })],
    ['BadJwt', of({ exp: undefined })],
    ['BadJwt', of({ exp: String(now + 60) })],
    ['BadJwt', of({ exp: null })],
    ['BadJwt', of({ iat: 'now' })],
    ['BadJwt', of({ iat: now + 90 })],
    ['BadJwt', of({ nbf: now + 90 })],
    ['BadJwt', of({ nbf: {} })],
    ['BadJwt', of({ exp: now + 3_700 })],
    ['BadJwt', of({ exp: now + 10 * 365 * 86_400 })],
    ['BadJwt', of({}, { alg: undefined })],
    ['BadJwt', of({}, { alg: 256 })],
    ['BadJwt', of({}, { kid: '#other' })],
    ['BadJwt', of({}, { kid: `${k256.did}#atproto` })],
    ['BadJwtType', of({}, { typ: 'at+jwt' })],
    ['BadJwtType', of({}, { typ: 'refresh+jwt' })],
    ['BadJwtType', of({}, { typ: 'dpop+jwt' })],
    ['BadJwtType', of({}, { typ: 1 })],
    ['JwtExpired', of({ exp: now - 40 })],
    ['JwtExpired', of({ exp: 0 })],
    ['BadJwtAudience', of({ aud: 'did:web:other.example.com' })],
    ['BadJwtAudience', of({ aud: `${SERVICE}#other` })],
    ['BadJwtAudience', of({ aud: '' })],
    ['BadJwtLexiconMethod', of({ lxm: undefined })],
    ['BadJwtLexiconMethod', of({ lxm: 'app.bsky.feed.sendInteractions' })],
    ['BadJwtLexiconMethod', of({ lxm: [METHOD] })],
    ['BadJwtIss', of({ iss: `${k256.did}#atproto` })],
    ['BadJwtIss', of({ iss: 'did:plc:short' })],
    ['BadJwtIss', of({ iss: 'alice.example.com' })],
    ['BadJwtIss', of({}, {}, selfMade)],
    ['BadJwtIss', of({}, {}, absent)],
    ['BadJwtSignature', of({}, { alg: 'none' })],
    ['BadJwtSignature', `Bearer ${encode({ alg: 'none' })}.${body}.${signature}`],
    ['BadJwtSignature', of({}, { alg: 'HS256' })],
    ['BadJwtSignature', of({}, { alg: 'ES256' })],
    ['BadJwtSignature', of({}, { alg: 'ES256K' }, p256)],
    ['BadJwtSignature', of({ iss: p256.did })],
    ['BadJwtSignature', bearer(serviceToken(k256, GOOD, { isHighS: true }))],
    ['BadJwtSignature', bearer(serviceToken(p256, GOOD, { isHighS: true }))],
    ['BadJwtSignature', `Bearer ${head}.${body}.${signature.slice(0, -4)}`],
    ['BadJwtSignature', `Bearer ${head}.${body}.${Buffer.alloc(64).toString('base64url')}`],
    [
      'BadJwtSignature',
      `Bearer ${head}.${encode({ ...GOOD, iss: k256.did, exp: now })}.${signature}`,
    ],
  ])('is refused as %s: %s', async (error, authorization) => {
    const { verify } = openVerifier([k256, p256])
    await expect(verify(authorization, METHOD)).rejects.toMatchObject({ error, status: 401 })
  })

  test('whose key cannot be read now is for later, and asked for again after a while', async () => {
    const { verify, asked, time } = openVerifier([k256])
    const token = of({}, {}, unreachable)
    for (const _ of [1, 2, 3]) {
      await expect(verify(token, METHOD)).rejects.toMatchObject({ status: 503 })
    }
    expect(asked).toHaveLength(1)
    time.ms += 11_000
    await expect(verify(token, METHOD)).rejects.toMatchObject({ status: 503 })
    expect(asked).toHaveLength(2)
  })

  test('of a key that was changed is taken after a minute, and the old key then is not', async () => {
    const { verify, documents, asked, time } = openVerifier([k256])
    await verify(of({}), METHOD)
    const rotated = createSigner(k256.did, 'ES256')
    documents.set(k256.did, documentOf(rotated))
    time.ms += 61_000
    expect(await verify(of({}, {}, rotated), METHOD)).toBe(k256.did)
    await expect(verify(of({}), METHOD)).rejects.toMatchObject({ error: 'BadJwtSignature' })
    expect(asked).toHaveLength(2)
  })

  test('that needs no key of anybody asks nobody, and one that is asked for is asked for once', async () => {
    const { verify, asked } = openVerifier([k256])
    await expect(verify(of({ aud: 'x' }), METHOD)).rejects.toThrow()
    await expect(verify(of({ exp: 0 }), METHOD)).rejects.toThrow()
    expect(asked).toEqual([])
    await Promise.all(Array.from({ length: 20 }, () => verify(of({}), METHOD)))
    expect(asked).toEqual([k256.did])
  })

  test('of ten thousand that nobody knows leads to no more look-ups than the ration', async () => {
    const { verify, asked } = openVerifier([k256])
    await verify(of({}), METHOD)
    const letters = 'abcdefghijklmnopqrstuvwxyz234567'
    const outcomes = new Set<number>()
    for (let index = 0; index < 10_000; index += 1) {
      const name = Array.from(
        index.toString(32).padStart(4, '0'),
        (digit) => letters[parseInt(digit, 32)],
      )
      const iss = `did:plc:${'q'.repeat(20)}${name.join('')}`
      const claims = encode({ ...GOOD, exp: now + 60, iss })
      const refused = await verify(`Bearer ${head}.${claims}.${signature}`, METHOD).catch(
        (error: { status: number }) => error.status,
      )
      outcomes.add(Number(refused))
    }
    expect(outcomes).toEqual(new Set([401, 503]))
    expect(asked.length).toBeLessThan(110)
    expect(await verify(of({}), METHOD)).toBe(k256.did)
  })
})

test('this Node verifies signatures of both curves', async () => {
  await expect(checkSignatures()).resolves.toBeUndefined()
})
