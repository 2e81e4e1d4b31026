import type { Config } from '../config/config.ts'
import { decodeBaseUrl } from '../config/configParsers.ts'
import { identityOf } from '../config/serviceIdentity.ts'
import { ConfigError } from '../errors.ts'
import { describeUnknownFeed } from '../feeds/describeUnknownFeed.ts'
import type { FeedDefinition } from '../feeds/feedDefinition.ts'
import { PUBLIC_APP_VIEW } from '../publish/readLikeCount.ts'
import { urlHost } from '../texts/urlHost.ts'

/** What is examined: who the service says it is, and where it is asked. */
export interface Deployment {
  /** Undefined in local mode. */
  readonly hostname: string | undefined
  readonly serviceDid: string
  readonly publisherDid: string
  /** What the DID document of the service has to name. */
  readonly endpoint: string
  /** Where the service is asked, without a slash at the end. */
  readonly baseUrl: string
  /** Whether `--url` says where, rather than the host name. */
  readonly isElsewhere: boolean
  /** The feeds to look at. */
  readonly feeds: readonly FeedDefinition[]
  /** Every feed of the feeds file. */
  readonly allFeeds: readonly FeedDefinition[]
  readonly plcUrl: string
  readonly allowLocalNetwork: boolean
  /** Undefined when there is no AppView that could know these feeds. */
  readonly appViewUrl: string | undefined
}

export interface DoctorOptions {
  /** Where the service is asked; default: at its host name, or on loopback in local mode. */
  readonly url?: string
  /** Record key of the one feed to look at. */
  readonly only?: string
  readonly appView?: string
}

/** All that the operator has set. */
interface Settings {
  readonly config: Config
  readonly definitions: readonly FeedDefinition[]
}

/** @throws ConfigError when the options do not fit the setup */
export function createDeployment(
  { config, definitions }: Settings,
  options: DoctorOptions,
): Deployment {
  const { hostname, plcUrl, allowLocalNetwork } = config
  const problems: string[] = []
  const readUrl = (flag: string, text: string | undefined): string | undefined => {
    const decoded = text === undefined ? undefined : decodeBaseUrl(text)
    if (decoded?.ok === false) {
      problems.push(...decoded.reasons.map((reason) => `${flag}: ${reason}`))
    }
    return decoded?.ok === true ? decoded.value : undefined
  }
  const url = readUrl('--url', options.url)
  const appView = readUrl('--appview', options.appView)
  const feeds = definitions.filter(
    ({ rkey }) => options.only === undefined || rkey === options.only,
  )
  if (options.only !== undefined && feeds.length === 0) {
    problems.push(`--only: ${describeUnknownFeed(options.only, definitions, config.feedsFile)}`)
  }
  if (hostname === undefined && config.port === 0 && options.url === undefined) {
    problems.push(
      'FEEDGEN_PORT is 0, which is any port: give --url with the url of the line "listening" in the log',
    )
  }
  if (problems.length > 0) {
    throw new ConfigError(problems)
  }
  const port = config.port === 0 && url !== undefined ? portOf(url) : config.port
  const { serviceDid, publisherDid, endpoint } = identityOf(config, port)
  const home = hostname === undefined ? `http://${loopback(config.listenHost)}:${port}` : endpoint
  return {
    hostname,
    serviceDid,
    publisherDid,
    endpoint,
    baseUrl: url ?? home,
    isElsewhere: url !== undefined,
    feeds,
    allFeeds: definitions,
    plcUrl,
    allowLocalNetwork,
    // Bluesky's does not know of a local network, nor of a service that only this machine can reach.
    appViewUrl:
      appView ?? (hostname === undefined || allowLocalNetwork ? undefined : PUBLIC_APP_VIEW),
  }
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url)
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}

/** Where a service that listens on all addresses is asked from the same machine. */
function loopback(listenHost: string): string {
  if (listenHost === '0.0.0.0') {
    return '127.0.0.1'
  }
  return listenHost === '::' ? '[::1]' : urlHost(listenHost)
}
