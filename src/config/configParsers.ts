/**
 * The grammar of each kind of setting: pure functions from text to a value or to reasons. A reason says
 * what to write instead and never repeats the text, because the text may hold a secret. A text is not
 * empty and has no blanks around it.
 */
import { isIP, isIPv6 } from 'node:net'
import { bad, good } from '../texts/decoded.ts'
import type { Decode, Decoded } from '../texts/decoded.ts'
import { quoteExcerpt } from '../texts/quote.ts'

const MAX_SHOWN = 80
const labelPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/iu
/** A last label that makes URL parsers read the whole host as an IPv4 address, as in 10.0.1 or 127.0x1. */
const numericEndPattern = /(^|\.)(\d+|0x[0-9a-f]*)$/iu

/** A public host name in lower case, as a did:web and a TLS certificate can carry it. */
export function decodeHostname(text: string): Decoded<string> {
  const reason = findHostnameFault(text.toLowerCase())
  return reason === undefined
    ? good(text.toLowerCase())
    : bad(`${reason}, for example feed.example.net`)
}

function findHostnameFault(name: string): string | undefined {
  const bare = name.replace(/^\[(.*)\](:\d*)?$/u, '$1').replace(/^([^:]*):\d*$/u, '$1')
  const labels = name.split('.')
  const faults: [isFault: boolean, reason: string][] = [
    [/^[a-z][a-z0-9+.-]*:\/\//u.test(name), 'give the bare host name without scheme'],
    [
      isIPv6(bare) || numericEndPattern.test(bare),
      'did:web and TLS need a name, not an IP address',
    ],
    [/^(.*\.)?localhost$/u.test(bare), 'give a public name, or unset it for local mode'],
    [/[/?#\\]/u.test(name), 'give the bare host name without path'],
    [/:\d*$/u.test(name), 'give the bare host name without port (readers come to HTTPS on 443)'],
    [name.endsWith('.'), 'leave out the dot at the end'],
    [name.length > 253, 'give at most 253 characters'],
    [
      !labels.every((label) => labelPattern.test(label)),
      'give letters, digits and hyphens in parts of 1 to 63 characters with dots between ' +
        '(international names in their xn-- form)',
    ],
    [labels.length < 2, 'give the full public name with a dot in it'],
  ]
  return faults.find(([isFault]) => isFault)?.[1]
}

/** The did:web of a service that only this machine can reach. */
export function localServiceDid(port: number): string {
  return `did:web:localhost%3A${port}`
}

/** A did:plc, or a did:web of a public host name or of localhost with a port. */
export function decodeDid(text: string): Decoded<string> {
  if (text.includes('#')) {
    return bad('give the DID without the # and what follows it')
  }
  if (text.startsWith('did:plc:')) {
    return /^did:plc:[a-z2-7]{24}$/u.test(text)
      ? good(text)
      : bad('a did:plc has exactly 24 of the characters a-z and 2-7 after "did:plc:"')
  }
  if (!text.startsWith('did:web:')) {
    return bad('give a DID, which begins with did:plc: or did:web:')
  }
  const host = text.slice('did:web:'.length)
  const port = /^localhost%3A([1-9]\d{0,4})$/iu.exec(host)?.[1]
  if (port !== undefined) {
    return good(localServiceDid(Number(port)))
  }
  const hostname = decodeHostname(host)
  return hostname.ok
    ? good(`did:web:${hostname.value}`)
    : bad('a did:web is did:web: and a public host name, for example did:web:feed.example.net')
}

/** An address or name to listen on. */
export function decodeListenHost(text: string): Decoded<string> {
  const isName = text.split('.').every((label) => labelPattern.test(label))
  if (isIP(text) !== 0 || (isName && !numericEndPattern.test(text))) {
    return good(text)
  }
  return bad('give an IP address or host name alone, for example 127.0.0.1 or 0.0.0.0')
}

/** An IP address, or a network in CIDR form. */
export function decodeNetwork(text: string): Decoded<string> {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  const longest = version === 4 ? 32 : 128
  const isPrefix = prefix === undefined || (/^\d{1,3}$/u.test(prefix) && Number(prefix) <= longest)
  // A zone, as in fe80::1%eth0, means nothing to another machine.
  return version !== 0 && !address.includes('%') && isPrefix && rest.length === 0
    ? good(text)
    : bad('give an IP address, or a network such as 10.0.0.0/8 or fd00::/8')
}

interface Range {
  readonly min: number
  readonly max: number
}

/** A whole number written with digits alone. */
export function decodeInteger({ min, max }: Range): Decode<number> {
  return (text) =>
    /^(0|[1-9]\d*)$/u.test(text) && Number(text) >= min && Number(text) <= max
      ? good(Number(text))
      : bad(`give a whole number from ${min} to ${max}`)
}

/** Whole seconds as milliseconds. */
export function decodeSecondsAsMs(range: Range): Decode<number> {
  const decodeSeconds = decodeInteger(range)
  return (text) => {
    const seconds = decodeSeconds(text)
    return seconds.ok ? good(seconds.value * 1_000) : seconds
  }
}

/** A number written with digits and at most one decimal point. */
export function decodeDecimal({ min, max }: Range): Decode<number> {
  return (text) =>
    /^(0|[1-9]\d*)(\.\d+)?$/u.test(text) && Number(text) >= min && Number(text) <= max
      ? good(Number(text))
      : bad(`give a number from ${min} to ${max}, decimals after a point`)
}

/** One of a closed set of words, in exactly this spelling. */
export function decodeChoice<T extends string>(choices: readonly T[]): Decode<T> {
  return (text) => {
    const choice = choices.find((candidate) => candidate === text)
    return choice === undefined ? bad(`give one of ${choices.join(', ')}`) : good(choice)
  }
}

/** `true` or `false`; nothing else, so that no misspelling switches a protection off. */
export function decodeBoolean(text: string): Decoded<boolean> {
  return text === 'true' || text === 'false' ? good(text === 'true') : bad('give true or false')
}

/** Any text as it stands. */
export function decodeText(text: string): Decoded<string> {
  return good(text)
}

/** Comma-separated entries, none empty, none twice; every wrong entry has its own reason. */
export function decodeList<T>(decodeEntry: Decode<T>): Decode<readonly T[]> {
  return (text) => {
    const values: T[] = []
    const reasons: string[] = []
    for (const [index, part] of text.split(',').entries()) {
      const entry =
        part.trim() === '' ? bad('it is empty: remove a comma') : decodeEntry(part.trim())
      if (!entry.ok) {
        reasons.push(...entry.reasons.map((reason) => `entry ${index + 1}: ${reason}`))
      } else if (values.includes(entry.value)) {
        reasons.push(`entry ${index + 1}: it is there twice: remove one`)
      } else {
        values.push(entry.value)
      }
    }
    return reasons.length === 0 ? good(Object.freeze(values)) : bad(...reasons)
  }
}

/** Comma-separated words of a closed set, as a set. */
export function decodeChoices<T extends string>(choices: readonly T[]): Decode<ReadonlySet<T>> {
  const decodeWords = decodeList(decodeChoice(choices))
  return (text) => {
    const words = decodeWords(text)
    return words.ok ? good(Object.freeze(new Set(words.value))) : words
  }
}

/** A URL without credentials; the parser's own repairs (blanks, backslashes) are refused. */
function parsePlainUrl(text: string, schemes: readonly string[]): Decoded<URL> {
  const url = URL.parse(text)
  const scheme = schemes.find((candidate) => text.toLowerCase().startsWith(`${candidate}://`))
  if (url === null || scheme === undefined || /[\s\p{C}\\]/u.test(text)) {
    return bad(`give a URL that begins with ${schemes.map((name) => `${name}://`).join(' or ')}`)
  }
  return url.username === '' && url.password === ''
    ? good(url)
    : bad('leave out the user name and password')
}

/** The address of a page for people, as it stands. */
export function decodePageUrl(text: string): Decoded<string> {
  const url = parsePlainUrl(text, ['https', 'http'])
  return url.ok ? good(text) : url
}

/** The address of a service to which paths are appended; it never ends in a slash. */
export function decodeBaseUrl(text: string): Decoded<string> {
  const url = parsePlainUrl(text, ['https', 'http'])
  if (url.ok && /[?#]/u.test(text)) {
    return bad('leave out the query and the fragment (? or # and what follows)')
  }
  return url.ok ? good(url.value.href.replace(/\/+$/u, '')) : url
}

/** The origin of an AppView; `none` is nobody. */
export function decodeAppViewUrl(text: string): Decoded<string | undefined> {
  return text === 'none' ? good(undefined) : decodeBaseUrl(text)
}

/** The subscription endpoint of a Jetstream host; the query is the reader's own business. */
export function decodeJetstreamUrl(text: string): Decoded<string> {
  const url = parsePlainUrl(text, ['wss', 'ws'])
  if (!url.ok) {
    return url
  }
  return url.value.pathname === '/subscribe' && !/[?#]/u.test(text)
    ? good(url.value.href)
    : bad('the path must be exactly /subscribe, without ? or #: wss://HOST/subscribe')
}

/** A Postgres connection string that every URL parser splits in the same places. */
export function decodePostgresUrl(text: string): Decoded<string> {
  if (!/^postgres(ql)?:\/\//u.test(text)) {
    return bad('give postgres://USER:PASSWORD@HOST:PORT/DATABASE')
  }
  const url = URL.parse(text)
  // An unescaped / ? or # in a password ends the authority early: the host is then a piece of the password.
  const isTorn = url === null || url.hash !== '' || `${url.pathname}${url.search}`.includes('@')
  if (isTorn || /[\s\p{C}]/u.test(text) || !isPercentEncoded(text)) {
    return bad(
      'it is no valid postgres:// URL: write special characters of the password percent-encoded ' +
        '(/ %2F, ? %3F, # %23, @ %40, % %25)',
    )
  }
  return good(text)
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    // URIError is how the decoder says no; there is nothing else to learn from it.
    return false
  }
}

function joined(decode: Decode<readonly string[]>): Decode<string> {
  return (text) => {
    const decoded = decode(text)
    return decoded.ok ? good(decoded.value.join(',')) : decoded
  }
}

/**
 * `sqlite:PATH` or a Postgres connection string. Several of these, comma-separated, are servers that
 * stand in for each other: the first that takes writes is used.
 */
export function decodeDatabaseUrl(text: string): Decoded<string> {
  if (!text.startsWith('sqlite:')) {
    const decode = text.includes(',') ? joined(decodeList(decodePostgresUrl)) : decodePostgresUrl
    return /^postgres(ql)?:/u.test(text)
      ? decode(text)
      : bad('give sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE')
  }
  const path = text.slice('sqlite:'.length).trim()
  if (path === ':memory:') {
    return bad(
      'a database in memory is lost at every stop, and the service opens it more than once: ' +
        'give a file, for example sqlite:data/tagfeed.db',
    )
  }
  return path === '' || path.startsWith('//')
    ? bad('give the path of a file right after sqlite:, for example sqlite:data/tagfeed.db')
    : good(`sqlite:${path}`)
}

/** Where the database is, without user, password and parameters. */
export function describeDatabaseUrl(text: string): string {
  if (text.startsWith('sqlite:')) {
    return text
  }
  return text
    .split(',')
    .map((part) => {
      const url = URL.parse(part)
      return url === null ? 'postgres' : `${url.protocol}//${url.host}${url.pathname}`
    })
    .join(',')
}

/** A value for a problem's text: in quotes, at most 80 characters, without credentials and parameters. */
export function quoteText(text: string): string {
  const safe = text.replace(/^.*:.*@/su, '***@').replace(/\?.*/su, '?***')
  // What cannot be seen may be what is wrong.
  return quoteExcerpt(safe.replace(/\p{C}/gu, '�'), MAX_SHOWN)
}
