import { resolve } from 'node:path'
import { decodeDatabaseUrl } from '../config/configParsers.ts'
import { ConfigError } from '../errors.ts'

/** Where a copy comes from and where it goes to, as database URLs. */
export interface CopyUrls {
  readonly from: string
  readonly to: string
}

const ENV = 'env:'

/**
 * Reads the two databases that a command names: each a URL, or `env:NAME` for the URL in a variable.
 * @throws ConfigError with the problems of both
 */
export function readCopyUrls(
  [from, to]: readonly [string, string],
  env: Readonly<Record<string, string | undefined>>,
): CopyUrls {
  const urls = { from: readUrl(from, env), to: readUrl(to, env) }
  const problems = Object.entries(urls).flatMap(([side, { reasons }]) =>
    reasons.map((reason) => `${side.toUpperCase()}: ${reason}`),
  )
  if (problems.length > 0) {
    throw new ConfigError(problems)
  }
  const places = placesOf(urls.to.url)
  if (placesOf(urls.from.url).some((place) => places.includes(place))) {
    throw new ConfigError(['FROM and TO are the same database: name two different ones'])
  }
  return { from: urls.from.url, to: urls.to.url }
}

/**
 * Reads one database that an option names, in the same forms.
 * @throws ConfigError with the problems
 */
export function readDatabaseArgument(
  option: string,
  argument: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const { url, reasons } = readUrl(argument, env)
  if (reasons.length > 0) {
    throw new ConfigError(reasons.map((reason) => `${option}: ${reason}`))
  }
  return url
}

interface Reading {
  readonly url: string
  readonly reasons: readonly string[]
}

function readUrl(argument: string, env: Readonly<Record<string, string | undefined>>): Reading {
  const name = argument.startsWith(ENV) ? argument.slice(ENV.length) : undefined
  const text = (name === undefined ? argument : (env[name] ?? '')).trim()
  if (name !== undefined && text === '') {
    return { url: '', reasons: [`the variable that ${ENV} names is not set`] }
  }
  const decoded = decodeDatabaseUrl(text)
  if (!decoded.ok) {
    return { url: '', reasons: decoded.reasons }
  }
  return name === undefined && hasPassword(decoded.value)
    ? {
        url: '',
        reasons: [
          'every user of this machine can read the password of an argument: put the URL into a variable ' +
            'and give env:NAME, or leave the password out and set PGPASSWORD or ~/.pgpass',
        ],
      }
    : { url: decoded.value, reasons: [] }
}

function isFile(url: string): boolean {
  return url.startsWith('sqlite:')
}

function parseServers(url: string): URL[] {
  return url.split(',').map((server) => new URL(server.trim()))
}

function hasPassword(url: string): boolean {
  return (
    !isFile(url) &&
    parseServers(url).some(
      (server) => server.password !== '' || server.searchParams.has('password'),
    )
  )
}

/** The file, or the servers with the name of the database, in one spelling. */
function placesOf(url: string): string[] {
  return isFile(url)
    ? [resolve(url.slice('sqlite:'.length))]
    : parseServers(url).map(({ host, pathname }) => `${host.replace(/:5432$/u, '')}${pathname}`)
}

/** Names a database in the state of a copy: without user, password and parameters. */
export function identifyDatabase(url: string): string {
  const engine = isFile(url) ? 'sqlite:' : 'postgres://'
  return `${engine}${placesOf(url).join(',')}`
}
