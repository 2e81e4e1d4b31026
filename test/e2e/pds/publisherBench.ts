import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { temporaryFolder } from '../../support/databases.ts'
import { runScript } from '../../support/runApp.ts'
import type { FinishedRun } from '../../support/runApp.ts'
import type { Front } from './front.ts'
import type { PdsAccount, PdsNetwork } from './network.ts'

export const GENERATOR = 'app.bsky.feed.generator'
/** A name that no resolver knows: the check of the service asks nobody. */
export const HOSTNAME = 'feed.tagfeed.invalid'
export const SERVICE_DID = `did:web:${HOSTNAME}`

export interface GeneratorRecord {
  readonly uri: string
  readonly cid: string
  readonly value: Record<string, unknown>
}

/** An account with a folder that holds a feeds file, and the commands as somebody in a pipeline runs them. */
export interface PublisherBench extends Disposable {
  readonly account: PdsAccount
  readonly folder: string
  writeFeeds(yaml: string): void
  run(command: 'publishFeed' | 'unpublishFeed', ...args: readonly string[]): Promise<FinishedRun>
  /** What a run reads from the environment; undefined takes a variable away. */
  readonly env: Record<string, string | undefined>
  records(): Promise<GeneratorRecord[]>
  record(rkey: string): Promise<GeneratorRecord | undefined>
  /** Writes a record as another application would. */
  putRecord(rkey: string, value: object): Promise<void>
  /** The revision of the repository: every write changes it. */
  rev(): Promise<string>
}

/** One feed as the smallest feeds file has it. */
export function oneFeed(rkey = 'art', more = 'name: Art'): string {
  return `feeds:\n  - { rkey: ${rkey}, tags: [art], ${more} }\n`
}

export async function openBench(network: PdsNetwork, front?: Front): Promise<PublisherBench> {
  const account = await network.createAccount()
  const folder = temporaryFolder()
  const file = join(folder.path, 'feeds.yaml')
  const { did, token, mainPassword, appPassword } = account
  const env: Record<string, string | undefined> = {
    FEEDGEN_HOSTNAME: HOSTNAME,
    FEEDGEN_PUBLISHER_DID: did,
    FEEDGEN_PUBLISHER_PASSWORD: appPassword,
    FEEDGEN_PLC_URL: front?.url ?? network.plcUrl,
    FEEDGEN_ALLOW_LOCAL_NETWORK: 'true',
    FEEDGEN_FEEDS_FILE: file,
  }

  async function records(): Promise<GeneratorRecord[]> {
    const params = { repo: did, collection: GENERATOR, limit: '100' }
    const answer = await network.call('com.atproto.repo.listRecords', { params })
    return answer['records'] as GeneratorRecord[]
  }

  return {
    account,
    folder: folder.path,
    env,
    records,
    writeFeeds: (yaml) => writeFileSync(file, yaml),
    run: async (command, ...args) => {
      const options = { folder: folder.path, env: set(env) }
      const outcome = await runScript(`scripts/${command}.ts`, args, options)
      const secrets = [mainPassword, appPassword, env['FEEDGEN_PUBLISHER_PASSWORD'] ?? appPassword]
      expectNoSecret(outcome, [...secrets, ...(front?.secrets ?? [])])
      return outcome
    },
    record: async (rkey) => (await records()).find(({ uri }) => uri.endsWith(`/${rkey}`)),
    putRecord: async (rkey, record) => {
      const input = {
        repo: did,
        collection: GENERATOR,
        rkey,
        record: { $type: GENERATOR, ...record },
      }
      await network.call('com.atproto.repo.putRecord', { input, token })
    },
    rev: async () => {
      const answer = await network.call('com.atproto.sync.getLatestCommit', { params: { did } })
      return String(answer['rev'])
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  }
}

function set(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

/** Neither the secrets that went over the wire, nor anything of the form of a token, nor a stack trace. */
function expectNoSecret({ stdout, stderr }: FinishedRun, secrets: readonly string[]): void {
  const output = stdout + stderr
  for (const secret of secrets) {
    expect(output).not.toContain(secret)
  }
  expect(output).not.toMatch(/eyJ[\w-]{10,}/u)
  expect(output).not.toMatch(/^\s+at .*:\d+:\d+/mu)
}
