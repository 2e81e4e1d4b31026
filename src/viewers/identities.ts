/**
 * Who accounts are: their key and their PDS, from DID documents. A document is asked for once at a time,
 * within a ration, and its absence is remembered too. It is *fresh* for an hour, then used while it is
 * asked for again, and thrown away after a day; what could not be read is asked for again after a while.
 */
import { RequestError } from '../errors.ts'
import { IdentityError } from '../identity/identityError.ts'
import { findPdsUrl } from '../identity/resolveDid.ts'
import type { DidDocument } from '../identity/resolveDid.ts'
import { LookupRation } from './lookupRation.ts'
import { signingKeyOf } from './signingKey.ts'
import type { SigningKey } from './signingKey.ts'

export interface Identity {
  /** Undefined when the document names none that atproto knows, or there is no document. */
  readonly key: SigningKey | undefined
  /** Without a slash at the end. */
  readonly pdsUrl: string | undefined
}

export interface IdentitiesOptions {
  /** @throws IdentityError, or the error of the request */
  readonly resolve: (did: string) => Promise<DidDocument>
  readonly now?: () => number
  readonly maxEntries?: number
}

interface Entry {
  /** Undefined when the document could not be read. */
  readonly identity: Identity | undefined
  /** By `performance.now`. */
  readonly readAt: number
}

const FRESH_MS = 3_600_000
const USABLE_MS = 24 * FRESH_MS
/** A document that is not there, and a server that does not answer. */
const ABSENT_MS = 60_000
const FAILED_MS = 10_000
/** A document that is asked for anew because a signature was wrong: at most so often for one DID. */
const ANEW_MS = 60_000
const MAX_ENTRIES = 20_000
const NOBODY: Identity = { key: undefined, pdsUrl: undefined }

export class Identities {
  readonly #options: IdentitiesOptions
  readonly #now: () => number
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>()
  readonly #underWay = new Map<string, Promise<Identity>>()
  readonly #ration: LookupRation
  readonly #rationAnew: LookupRation

  constructor(options: IdentitiesOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#ration = new LookupRation(40, 100, this.#now)
    this.#rationAnew = new LookupRation(5, 20, this.#now)
  }

  /**
   * At once when it is known.
   * @throws RequestError 503 when it cannot be read now
   */
  find(did: string): Identity | Promise<Identity> {
    const entry = this.#entries.get(did)
    if (entry === undefined) {
      return this.#read(did, this.#ration)
    }
    const age = this.#now() - entry.readAt
    const { identity } = entry
    if (age >= lifetimeMs(identity)) {
      return this.#read(did, this.#ration)
    }
    if (identity === undefined) {
      throw unreadable()
    }
    this.#entries.delete(did)
    this.#entries.set(did, entry)
    if (age >= FRESH_MS) {
      // A failure leaves what is known.
      this.#read(did, this.#ration).catch(() => {})
    }
    return identity
  }

  /** What the document says now, after a signature was wrong; undefined when it is not asked for again. */
  async findAnew(did: string): Promise<Identity | undefined> {
    const readAt = this.#entries.get(did)?.readAt ?? Number.NEGATIVE_INFINITY
    if (this.#now() - readAt < ANEW_MS) {
      return undefined
    }
    return await this.#read(did, this.#rationAnew).catch(() => undefined)
  }

  /** Something has changed about it. */
  forget(did: string): void {
    this.#entries.delete(did)
  }

  #read(did: string, ration: LookupRation): Promise<Identity> {
    const underWay = this.#underWay.get(did)
    if (underWay !== undefined) {
      return underWay
    }
    if (!ration.take()) {
      return Promise.reject(unreadable())
    }
    const reading = this.#resolve(did).finally(() => this.#underWay.delete(did))
    this.#underWay.set(did, reading)
    return reading
  }

  async #resolve(did: string): Promise<Identity> {
    try {
      const document = await this.#options.resolve(did)
      const identity = { key: signingKeyOf(document), pdsUrl: findPdsUrl(document) }
      this.#keep(did, identity)
      return identity
    } catch (error) {
      if (error instanceof IdentityError && error.isAbsent) {
        this.#keep(did, NOBODY)
        return NOBODY
      }
      // What is known already goes on being used.
      if (this.#entries.get(did)?.identity === undefined) {
        this.#keep(did, undefined)
      }
      throw unreadable()
    }
  }

  #keep(did: string, identity: Identity | undefined): void {
    this.#entries.delete(did)
    this.#entries.set(did, { identity, readAt: this.#now() })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > (this.#options.maxEntries ?? MAX_ENTRIES) && oldest !== undefined) {
      this.#entries.delete(oldest)
    }
  }
}

function lifetimeMs(identity: Identity | undefined): number {
  if (identity === undefined) {
    return FAILED_MS
  }
  return identity === NOBODY ? ABSENT_MS : USABLE_MS
}

function unreadable(): RequestError {
  return new RequestError(
    'ServiceUnavailable',
    'Who you are cannot be read right now: try again',
    503,
  )
}
