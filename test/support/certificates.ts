/**
 * Certificates made in the test: good ones, and those with one fault each. X.509 (RFC 5280) in as many
 * lines of DER as a server's certificate needs; `node:crypto` signs, and can make none by itself.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isIP } from 'node:net'

export interface CertificateOptions {
  /** Host names and IPv4 addresses; default: 127.0.0.1. */
  readonly names?: readonly string[]
  /** Default: from yesterday to a year from now. */
  readonly from?: Date
  readonly to?: Date
}

/** What a server needs. */
export interface ServerCertificate {
  readonly key: Buffer
  readonly cert: Buffer
}

export interface Authority {
  /** For those who are to trust it. */
  readonly pem: string
  issue(options?: CertificateOptions): ServerCertificate
  /** An authority below this one, which shows only its own certificates. */
  subordinate(): Authority
}

export const DAY_MS = 24 * 3_600_000

/** An authority that nobody trusts before being told to. */
export function createAuthority(issuer?: Signer): Authority {
  const keys = newKeys()
  const name = `Authority ${randomBytes(4).toString('hex')}`
  const self = { name, key: keys.privateKey }
  const constraints = extension('551d13', true, sequence(BOOLEAN_TRUE))
  const der = certificate({
    name,
    publicKey: keys.spki,
    issuer: issuer ?? self,
    extensions: [constraints],
  })
  return {
    pem: toPem('CERTIFICATE', der),
    issue: (options = {}) => issue(self, options),
    subordinate: () => createAuthority(self),
  }
}

/** A certificate that is signed with its own key. */
export function createSelfSigned(options: CertificateOptions = {}): ServerCertificate {
  return issue(undefined, options)
}

interface Signer {
  readonly name: string
  readonly key: KeyObject
}

function issue(issuer: Signer | undefined, options: CertificateOptions): ServerCertificate {
  const { names = ['127.0.0.1'], from, to } = options
  const keys = newKeys()
  const name = names[0] ?? ''
  const alternatives = names.map((each) =>
    isIP(each) === 4
      ? der(0x87, Buffer.from(each.split('.').map(Number)))
      : der(0x82, Buffer.from(each)),
  )
  const body = certificate({
    name,
    publicKey: keys.spki,
    issuer: issuer ?? { name, key: keys.privateKey },
    extensions: [extension('551d11', false, sequence(...alternatives))],
    from,
    to,
  })
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' })
  return { key: Buffer.from(key), cert: Buffer.from(toPem('CERTIFICATE', body)) }
}

interface Contents {
  readonly name: string
  readonly publicKey: Buffer
  readonly issuer: Signer
  readonly extensions: readonly Buffer[]
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

function certificate(contents: Contents): Buffer {
  const { name, publicKey, issuer, extensions } = contents
  const { from = new Date(Date.now() - DAY_MS), to = new Date(Date.now() + 365 * DAY_MS) } =
    contents
  const signed = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    commonName(issuer.name),
    sequence(time(from), time(to)),
    commonName(name),
    publicKey,
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', signed, issuer.key)
  return sequence(signed, ECDSA_WITH_SHA256, bitString(signature))
}

function newKeys(): { privateKey: KeyObject; spki: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return { privateKey, spki: publicKey.export({ type: 'spki', format: 'der' }) }
}

/** One element: its tag, its length, its content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const long = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...(length < 128 ? [length] : long)]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

function bitString(bits: Buffer): Buffer {
  return der(0x03, Buffer.concat([Buffer.from([0]), bits]))
}

/** GeneralizedTime, such as 20261121120000Z. */
function time(date: Date): Buffer {
  return der(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/gu, '')))
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(name)))))
}

function extension(id: string, isCritical: boolean, content: Buffer): Buffer {
  const critical = isCritical ? [BOOLEAN_TRUE] : []
  return sequence(objectId(id), ...critical, der(0x04, content))
}

function toPem(label: string, content: Buffer): string {
  const lines = content.toString('base64').replace(/.{64}/gu, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}

const BOOLEAN_TRUE = der(0x01, Buffer.from([0xff]))
const ECDSA_WITH_SHA256 = sequence(objectId('2a8648ce3d040302'))
