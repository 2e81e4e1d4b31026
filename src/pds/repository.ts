import type { PictureBlob } from './blob.ts'
import { describeInactive } from './describeInactive.ts'
import { cidOfBlob, isObject } from './json.ts'
import type { JsonObject } from './json.ts'
import { PdsError } from './pdsError.ts'
import type { Session } from './session.ts'
import { GENERATOR } from './storedRecord.ts'
import type { StoredRecord } from './storedRecord.ts'
import type { XrpcClient } from './xrpcClient.ts'

const PAGE = 100
/** A feeds file holds 1,000 feeds; a repository with many more than that has another use. */
const MAX_PAGES = 100

/** The records of feeds in one repository. Reading needs no login; writing does. */
export class Repository {
  readonly #client: XrpcClient
  readonly did: string

  constructor(client: XrpcClient, did: string) {
    this.#client = client
    this.did = did
  }

  uriOf(rkey: string): string {
    return `at://${this.did}/${GENERATOR}/${rkey}`
  }

  /** All records of feeds, whichever service they name. */
  async list(): Promise<StoredRecord[]> {
    try {
      return await this.#listPages()
    } catch (error) {
      const isHidden = error instanceof PdsError && error.error === 'RepoNotFound'
      throw isHidden ? await this.#explainHidden(error) : error
    }
  }

  /** A PDS hides the records of accounts that are not active; what is with them it tells at another place. */
  async #explainHidden(hidden: PdsError): Promise<PdsError> {
    const call = { nsid: 'com.atproto.sync.getRepoStatus', params: { did: this.did } }
    try {
      const { active, status } = await this.#client.call(call)
      return active === false
        ? new PdsError(describeInactive(this.did, status), {
            status: hidden.status,
            error: hidden.error,
          })
        : hidden
    } catch {
      // It says no more than before; so does the error.
      return hidden
    }
  }

  async #listPages(): Promise<StoredRecord[]> {
    const records = new Map<string, StoredRecord>()
    let cursor: string | undefined
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const params = { repo: this.did, collection: GENERATOR, limit: String(PAGE) }
      const answer = await this.#client.call({
        nsid: 'com.atproto.repo.listRecords',
        params: cursor === undefined ? params : { ...params, cursor },
      })
      const found = Array.isArray(answer['records']) ? answer['records'] : []
      for (const record of found.map((entry) => this.#readRecord(entry))) {
        records.set(record.rkey, record)
      }
      const next = answer['cursor']
      if (typeof next !== 'string' || next === cursor || found.length === 0) {
        return [...records.values()]
      }
      cursor = next
    }
    throw new PdsError(
      `${this.#client.host} lists more than ${MAX_PAGES * PAGE} feeds of ${this.did}`,
    )
  }

  /** One record; undefined when there is none. */
  async get(rkey: string): Promise<StoredRecord | undefined> {
    const params = { repo: this.did, collection: GENERATOR, rkey }
    try {
      const nsid = 'com.atproto.repo.getRecord'
      return this.#readRecord(await this.#client.call({ nsid, params }))
    } catch (error) {
      if (error instanceof PdsError && error.error === 'RecordNotFound') {
        return undefined
      }
      throw error
    }
  }

  /**
   * Writes a record over the one with `currentCid`, or where there is none when that is undefined.
   * @returns the CID of what is written
   */
  async put(
    session: Session,
    {
      rkey,
      record,
      currentCid,
    }: { rkey: string; record: JsonObject; currentCid: string | undefined },
  ): Promise<string> {
    const swapRecord = currentCid ?? null
    const input = { repo: this.did, collection: GENERATOR, rkey, record, swapRecord }
    const { cid } = await session.call({ nsid: 'com.atproto.repo.putRecord', input })
    return typeof cid === 'string' ? cid : ''
  }

  /** Deletes the record with this CID, and no later one. */
  async delete(session: Session, { rkey, cid }: StoredRecord): Promise<void> {
    const input = { repo: this.did, collection: GENERATOR, rkey, swapRecord: cid }
    await session.call({ nsid: 'com.atproto.repo.deleteRecord', input })
  }

  /** Uploads a picture; a record has to refer to it soon. */
  async upload(session: Session, avatar: PictureBlob): Promise<void> {
    const { blob } = await session.call({
      nsid: 'com.atproto.repo.uploadBlob',
      input: { bytes: avatar.bytes, mimeType: avatar.mimeType },
    })
    if (cidOfBlob(blob) !== avatar.cid) {
      throw new PdsError(`${this.#client.host} did not store the avatar as it was sent: try again`)
    }
  }

  #readRecord(entry: unknown): StoredRecord {
    const { uri, cid, value } = isObject(entry) ? entry : {}
    if (typeof uri !== 'string' || typeof cid !== 'string' || !isObject(value)) {
      throw new PdsError(
        `${this.#client.host} gives a record without uri, cid or value: is it a PDS?`,
      )
    }
    return { rkey: uri.slice(uri.lastIndexOf('/') + 1), cid, value }
  }
}
