/**
 * The settings: an environment record goes in, checked values come out, and nothing here has an effect.
 * The table below is the only place that names a variable; reading it, describing it and `.env.example`
 * follow from it.
 */
import { ConfigError } from '../errors.ts'
import type { LogLevel } from '../logger.ts'
import type { Decode, Decoded } from '../texts/decoded.ts'
import { findNearMiss } from '../texts/nearMiss.ts'
import * as parse from './configParsers.ts'
import { kitVariables } from './kitVariables.ts'

export { localServiceDid } from './configParsers.ts'

/** Where the feeds are defined when nothing else is said. */
export const DEFAULT_FEEDS_FILE = 'feeds.yaml'

export type Role = 'ingest' | 'rank' | 'serve'

/** An environment: names to texts, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface Config {
  /** Public host name in lower case; undefined is local mode. */
  readonly hostname: string | undefined
  /** Undefined in local mode without an explicit one: it then follows from the port, `localServiceDid`. */
  readonly serviceDid: string | undefined
  /** Undefined is the service DID. */
  readonly publisherDid: string | undefined
  /** 0 takes a free one. */
  readonly port: number
  readonly listenHost: string
  /** `sqlite:PATH`, or a `postgres://` or `postgresql://` URL, which may hold a password. */
  readonly databaseUrl: string
  /** Postgres URLs of read replicas; empty with SQLite. */
  readonly databaseReadUrls: readonly string[]
  readonly feedsFile: string
  /** At least one, in the order of preference. */
  readonly jetstreamUrls: readonly string[]
  readonly jetstreamIdleMs: number
  readonly backfillHours: number
  /** Without a slash at the end. */
  readonly plcUrl: string
  /** Without a slash at the end; undefined asks nobody. */
  readonly appViewUrl: string | undefined
  readonly allowLocalNetwork: boolean
  readonly indexTags: 'all' | 'feeds'
  readonly retentionDays: number
  /** Whether the record of each kept post is stored with it. */
  readonly keepRecords: boolean
  /** Addresses and networks in CIDR form whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  readonly privacyPolicyUrl: string | undefined
  readonly termsOfServiceUrl: string | undefined
  /** For publishFeed and unpublishFeed alone. */
  readonly publisherPassword: string | undefined
  /** At least one. */
  readonly roles: ReadonlySet<Role>
  readonly logLevel: LogLevel
}

interface Variable<T> {
  readonly name: string
  /** What it means, for `.env.example`. */
  readonly sentence: string
  /** The text that an unset variable stands for, or its value where no text says it. */
  readonly unset: { readonly text: string } | { readonly value: T }
  readonly decode: Decode<T>
  /** The text may hold a secret: problems do not show it. */
  readonly secret?: true
}

const none = { value: undefined }
const roles = ['ingest', 'rank', 'serve'] as const
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
const publicJetstreams = [
  '1.us-east',
  '2.us-east',
  '1.us-west',
  '2.us-west',
  '.us-east',
  '.us-west',
]
  .map((host) => `wss://jetstream${host}.bsky.network/subscribe`)
  .join(',')

/** Every variable there is, by the field of Config that it sets. */
export const configVariables: { readonly [Key in keyof Config]: Variable<Config[Key]> } = {
  hostname: {
    name: 'FEEDGEN_HOSTNAME',
    sentence: 'Public host name, for example feed.example.net; unset: local mode.',
    unset: none,
    decode: parse.decodeHostname,
  },
  serviceDid: {
    name: 'FEEDGEN_SERVICE_DID',
    sentence: 'DID of this service: a did:plc; unset: the did:web of the host name.',
    unset: none,
    decode: parse.decodeDid,
  },
  publisherDid: {
    name: 'FEEDGEN_PUBLISHER_DID',
    sentence: 'Account whose repository holds the feed records; unset: the service DID.',
    unset: none,
    decode: parse.decodeDid,
  },
  publisherPassword: {
    name: 'FEEDGEN_PUBLISHER_PASSWORD',
    sentence: 'App password, read by publishFeed and unpublishFeed alone; unset: they ask.',
    unset: none,
    decode: parse.decodeText,
    secret: true,
  },
  port: {
    name: 'FEEDGEN_PORT',
    sentence: 'Port to listen on, 0 to 65535; 0 takes a free one.',
    unset: { text: '3000' },
    decode: parse.decodeInteger({ min: 0, max: 65_535 }),
  },
  listenHost: {
    name: 'FEEDGEN_LISTENHOST',
    sentence: 'Address to listen on; 0.0.0.0 is every network of this machine.',
    unset: { text: '127.0.0.1' },
    decode: parse.decodeListenHost,
  },
  feedsFile: {
    name: 'FEEDGEN_FEEDS_FILE',
    sentence: 'File that defines the feeds.',
    unset: { text: DEFAULT_FEEDS_FILE },
    decode: parse.decodeText,
  },
  privacyPolicyUrl: {
    name: 'FEEDGEN_PRIVACY_POLICY_URL',
    sentence: 'Page with the privacy policy, named in describeFeedGenerator.',
    unset: none,
    decode: parse.decodePageUrl,
  },
  termsOfServiceUrl: {
    name: 'FEEDGEN_TERMS_OF_SERVICE_URL',
    sentence: 'Page with the terms of service, named in describeFeedGenerator.',
    unset: none,
    decode: parse.decodePageUrl,
  },
  databaseUrl: {
    name: 'FEEDGEN_DATABASE_URL',
    sentence:
      'Database: sqlite:PATH, or postgres://USER:PASSWORD@HOST:PORT/DATABASE, or several of these.',
    unset: { text: 'sqlite:data/tagfeed.db' },
    decode: parse.decodeDatabaseUrl,
    secret: true,
  },
  databaseReadUrls: {
    name: 'FEEDGEN_DATABASE_READ_URL',
    sentence: 'Read replicas, comma-separated; with Postgres only.',
    unset: { value: Object.freeze([]) },
    decode: parse.decodeList(parse.decodePostgresUrl),
    secret: true,
  },
  indexTags: {
    name: 'FEEDGEN_INDEX_TAGS',
    sentence: 'all: keep every tag, so a new feed has history at once; feeds: only theirs.',
    unset: { text: 'all' },
    decode: parse.decodeChoice(['all', 'feeds']),
  },
  retentionDays: {
    name: 'FEEDGEN_RETENTION_DAYS',
    sentence: 'Days that a post is kept, 1 to 36500.',
    unset: { text: '30' },
    decode: parse.decodeDecimal({ min: 1, max: 36_500 }),
  },
  keepRecords: {
    name: 'FEEDGEN_KEEP_RECORDS',
    sentence: 'true: the record of each post is stored with it; false: what feeds need.',
    unset: { text: 'true' },
    decode: parse.decodeBoolean,
  },
  jetstreamUrls: {
    name: 'FEEDGEN_JETSTREAM_URLS',
    sentence: 'Jetstream hosts, comma-separated; the first that works is used.',
    unset: { text: publicJetstreams },
    decode: parse.decodeList(parse.decodeJetstreamUrl),
  },
  jetstreamIdleMs: {
    name: 'FEEDGEN_JETSTREAM_IDLE_SECONDS',
    sentence: 'Seconds without an event after which a host counts as dead, 1 to 3600.',
    unset: { text: '30' },
    decode: parse.decodeSecondsAsMs({ min: 1, max: 3_600 }),
  },
  backfillHours: {
    name: 'FEEDGEN_BACKFILL_HOURS',
    sentence: 'Hours of the past to read on the very first start, 0 to 36; 0 is live only.',
    unset: { text: '2' },
    decode: parse.decodeDecimal({ min: 0, max: 36 }),
  },
  plcUrl: {
    name: 'FEEDGEN_PLC_URL',
    sentence: 'Directory that resolves did:plc.',
    unset: { text: 'https://plc.directory' },
    decode: parse.decodeBaseUrl,
  },
  appViewUrl: {
    name: 'FEEDGEN_APPVIEW_URL',
    sentence: 'AppView that is asked for the posts that pages for people show; none: nobody.',
    unset: { text: 'https://public.api.bsky.app' },
    decode: parse.decodeAppViewUrl,
  },
  allowLocalNetwork: {
    name: 'FEEDGEN_ALLOW_LOCAL_NETWORK',
    sentence: 'true: identities may be plain http and on loopback; only for local networks.',
    unset: { text: 'false' },
    decode: parse.decodeBoolean,
  },
  trustedProxies: {
    name: 'FEEDGEN_TRUSTED_PROXIES',
    sentence: 'Addresses or networks, comma-separated, whose X-Forwarded-For is believed.',
    unset: { text: '127.0.0.0/8,::1' },
    decode: parse.decodeList(parse.decodeNetwork),
  },
  roles: {
    name: 'FEEDGEN_ROLES',
    sentence: 'Parts that this process runs: ingest, rank, serve.',
    unset: { text: roles.join(',') },
    decode: parse.decodeChoices(roles),
  },
  logLevel: {
    name: 'FEEDGEN_LOG_LEVEL',
    sentence: `Least level to log: ${logLevels.join(', ')}.`,
    unset: { text: 'info' },
    decode: parse.decodeChoice(logLevels),
  },
}

/**
 * Checks an environment and gives the frozen settings; blanks around a value do not matter, and a blank
 * value is an unset one.
 *
 * @throws {ConfigError} with every problem at once, none of which shows a secret.
 */
export function readConfig(env: Environment): Config {
  const problems = findUnknownNames(env)
  const wrong = new Set<keyof Config>()
  const read = <Key extends keyof Config>(key: Key): Config[Key] => {
    const variable: Variable<Config[Key]> = configVariables[key]
    const text = env[variable.name]?.trim() ?? ''
    const decoded = decodeVariable(variable, text)
    if (decoded.ok) {
      return decoded.value
    }
    wrong.add(key)
    const subject = variable.name + (variable.secret ? '' : ` is ${parse.quoteText(text)}`)
    problems.push(...decoded.reasons.map((reason) => `${subject}: ${reason}`))
    // Never seen by anybody: the problem ends the reading, after the others are found.
    return defaultOf(variable)
  }
  const config = joinConfig(read)
  problems.push(...findContradictions(config, wrong))
  if (problems.length > 0) {
    throw new ConfigError(problems)
  }
  return config
}

function joinConfig(read: <Key extends keyof Config>(key: Key) => Config[Key]): Config {
  const keys = Object.keys(configVariables) as (keyof Config)[]
  const config = Object.fromEntries(keys.map((key) => [key, read(key)])) as unknown as Config
  const { hostname, serviceDid } = config
  const webDid = hostname === undefined ? undefined : `did:web:${hostname}`
  return Object.freeze({ ...config, serviceDid: serviceDid ?? webDid })
}

function decodeVariable<T>(variable: Variable<T>, text: string): Decoded<T> {
  return text === '' ? { ok: true, value: defaultOf(variable) } : variable.decode(text)
}

function defaultOf<T>({ name, unset, decode }: Variable<T>): T {
  const decoded = 'value' in unset ? { ok: true as const, ...unset } : decode(unset.text)
  if (!decoded.ok) {
    throw new Error(`the default of ${name} breaks its own rule: ${decoded.reasons.join('; ')}`)
  }
  return decoded.value
}

function findUnknownNames(env: Environment): string[] {
  const known = Object.values(configVariables).map((variable) => variable.name)
  return Object.keys(env)
    .filter((name) => name.startsWith('FEEDGEN_') && !known.includes(name))
    .filter((name) => env[name]?.trim())
    .map((name) => {
      const instead = kitVariables.get(name)
      if (instead !== undefined) {
        return `${parse.quoteText(name)} is a variable of the official kit: ${instead}`
      }
      const nearest = findNearMiss(name, known)
      const hint = nearest === undefined ? '' : `did you mean ${nearest}? Otherwise `
      return `${parse.quoteText(name)} is no variable of tagfeed: ${hint}remove it`
    })
}

/** What each value allows alone and they refuse together; a value with its own problem is passed over. */
function findContradictions(config: Config, wrong: ReadonlySet<keyof Config>): string[] {
  const problems: string[] = []
  const didFault = findServiceDidFault(config)
  if (didFault !== undefined && !wrong.has('hostname') && !wrong.has('port')) {
    problems.push(`FEEDGEN_SERVICE_DID is ${parse.quoteText(config.serviceDid ?? '')}: ${didFault}`)
  }
  const isSqlite = config.databaseUrl.startsWith('sqlite:') && !wrong.has('databaseUrl')
  if (config.databaseReadUrls.length > 0 && isSqlite) {
    problems.push(
      'FEEDGEN_DATABASE_READ_URL: SQLite has no replicas: unset it, or set FEEDGEN_DATABASE_URL to Postgres',
    )
  }
  const isPlain = config.appViewUrl?.startsWith('http:') === true && !wrong.has('appViewUrl')
  if (isPlain && !config.allowLocalNetwork && !wrong.has('allowLocalNetwork')) {
    problems.push(
      'FEEDGEN_APPVIEW_URL: plain http is for local networks alone: give an https address, or set ' +
        'FEEDGEN_ALLOW_LOCAL_NETWORK=true too',
    )
  }
  return problems
}

function findServiceDidFault({ hostname, serviceDid, port }: Config): string | undefined {
  if (!serviceDid?.startsWith('did:web:')) {
    return undefined
  }
  if (hostname !== undefined) {
    return serviceDid === `did:web:${hostname}`
      ? undefined
      : `a did:web must equal the host name: unset it, or give did:web:${hostname}`
  }
  if (serviceDid.startsWith('did:web:localhost')) {
    const localDid = parse.localServiceDid(port)
    return serviceDid === localDid ? undefined : `unset it, or give ${localDid}, with FEEDGEN_PORT`
  }
  return `set FEEDGEN_HOSTNAME to ${serviceDid.slice('did:web:'.length)} too, or unset it`
}
