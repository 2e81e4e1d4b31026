import { localServiceDid } from '../config/config.ts'
import type { Config } from '../config/config.ts'
import { Problems } from '../config/problems.ts'
import { ConfigError } from '../errors.ts'
import { createGuardedFetch } from '../identity/guardedFetch.ts'
import { resolveAccount } from '../identity/resolveAccount.ts'
import type { Account } from '../identity/resolveAccount.ts'
import type { Person } from '../pds/person.ts'
import { Repository } from '../pds/repository.ts'
import { Secrets } from '../pds/secrets.ts'
import { Session } from '../pds/session.ts'
import { XrpcClient } from '../pds/xrpcClient.ts'
import { findServiceFault } from './findServiceFault.ts'

/** For whom is published, and as whom: what the configuration says before anybody is asked. */
export interface PublishTarget {
  readonly serviceDid: string
  /** The account that the service answers for; undefined when the configuration names none. */
  readonly publisherDid: string | undefined
  /** Handle or DID of the account to log in as. */
  readonly identifier: string
}

/** The account that publishes, and the way to its repository. */
export interface Publisher {
  readonly account: Account
  readonly serviceDid: string
  readonly repository: Repository
  /** What should be known, though it stops nothing. */
  readonly warnings: readonly string[]
  /** Logs in: later than everything that can be said without. */
  openSession(): Promise<Session>
}

export interface PublisherOptions {
  readonly config: Config
  readonly person: Person | undefined
  readonly signal: AbortSignal
  /** For each answer of the PDS. */
  readonly timeoutMs?: number
}

const IDENTITY_TIMEOUT_MS = 10_000
const PDS_TIMEOUT_MS = 15_000
/** A page of records, or the answer to an upload. */
const PDS_MAX_BYTES = 8 * 1024 * 1024

/**
 * Reads from the configuration as whom and for whom is published.
 * @param identifier handle or DID, where the account of the configuration is not taken for granted
 * @throws ConfigError with what is missing
 */
export function readPublishTarget(config: Config, identifier: string | undefined): PublishTarget {
  const problems = new Problems()
  const serviceDid = problems.attempt(() => findServiceDid(config), '')
  const publisherDid = config.publisherDid ?? publisherOf(serviceDid)
  const found = problems.attempt(() => findIdentifier(identifier, publisherDid), '')
  problems.throwIfAny()
  return { serviceDid, publisherDid, identifier: found }
}

/**
 * Finds the account and its PDS, without logging in.
 * @throws IdentityError, or ConfigError when it is another account than the service answers for
 */
export async function openPublisher(
  { serviceDid, publisherDid, identifier }: PublishTarget,
  options: PublisherOptions,
): Promise<Publisher> {
  const { config, person, signal, timeoutMs = PDS_TIMEOUT_MS } = options
  const { allowLocalNetwork, plcUrl, hostname, publisherPassword: password } = config
  const fetch = createGuardedFetch({ allowLocalNetwork, timeoutMs: IDENTITY_TIMEOUT_MS })
  const [account, fault] = await Promise.all([
    resolveAccount(identifier, { plcUrl, fetch }),
    findServiceFault(serviceDid, { plcUrl, fetch, hostname }),
  ])
  checkPublisher(account, publisherDid)
  const secrets = new Secrets()
  secrets.add(password ?? '')
  const client = new XrpcClient({
    serviceUrl: account.pdsUrl,
    fetch: createGuardedFetch({ allowLocalNetwork, timeoutMs, maxBytes: PDS_MAX_BYTES }),
    secrets,
    signal,
  })
  return {
    account,
    serviceDid,
    repository: new Repository(client, account.did),
    warnings: fault === undefined ? [] : [fault],
    openSession: () => Session.open(client, account, { password, person }),
  }
}

function findServiceDid({ serviceDid, allowLocalNetwork, port }: Config): string {
  if (serviceDid !== undefined) {
    return serviceDid
  }
  if (!allowLocalNetwork) {
    throw new ConfigError([
      'FEEDGEN_HOSTNAME is not set: a record names the service by it, and nobody reaches localhost; set it to ' +
        'the public host name',
    ])
  }
  return localServiceDid(port)
}

/** The document of our did:web names no PDS, so that such a service cannot publish by itself. */
function publisherOf(serviceDid: string): string | undefined {
  return serviceDid.startsWith('did:plc:') ? serviceDid : undefined
}

function findIdentifier(identifier: string | undefined, configured: string | undefined): string {
  const found = identifier ?? configured
  if (found === undefined) {
    throw new ConfigError([
      'FEEDGEN_PUBLISHER_DID is not set: set it to the DID of the account that publishes the feeds ' +
        '(--handle HANDLE --dry-run tells the DID of a handle)',
    ])
  }
  return found
}

/** The service answers for feeds of one account alone; those of another would be dead. */
function checkPublisher(account: Account, configured: string | undefined): void {
  if (account.did !== configured) {
    const name = account.handle ?? 'this account'
    throw new ConfigError([
      configured === undefined
        ? `FEEDGEN_PUBLISHER_DID is not set: set it to ${account.did} to publish as ${name}, here and for the service`
        : `${name} is ${account.did}, and FEEDGEN_PUBLISHER_DID is ${configured}: the service answers for feeds ` +
          'of that account alone; change one of the two',
    ])
  }
}
