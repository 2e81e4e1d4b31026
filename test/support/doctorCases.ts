import { describe, test } from 'vitest'
import { forFeed, json, skeleton } from './doctorBench.ts'
import type { Bench, Route, examineHere } from './doctorBench.ts'

export const DID_JSON = '/.well-known/did.json'
export const SKELETON = '/xrpc/app.bsky.feed.getFeedSkeleton'
export const HEALTH = '/xrpc/_health'
export const RECORDS = '/xrpc/com.atproto.repo.listRecords'
export const VIEW = '/xrpc/app.bsky.feed.getFeedGenerator'

/** Several commands at once on a busy machine take their time. */
export const TIMEOUT_MS = 120_000
/** Where the service is asked by plain http, on loopback. */
export const USUAL = ['configuration warning', 'dns skipped', 'tls skipped']
export const OFFLINE = /appears to be offline/
export const MISCONFIGURED = /appears to be misconfigured/
export const UNKNOWN = /some kind of issue occurred/
export const MISSING = /trouble finding this feed/

export interface Case extends Bench {
  readonly fault: string
  /** All that is not ok, beside the usual. */
  readonly troubles: readonly string[]
  readonly says: RegExp
  /** Undefined where the app has no words for it. */
  readonly readers?: RegExp
  /** Default: 1. */
  readonly code?: number
}

/** Answers all that is about `art` with this page. */
export const artPage = (body: object): { [SKELETON]: Route } => ({
  [SKELETON]: forFeed('art', json(body), skeleton),
})

export const post = (index: number): { post: string } => ({
  post: `at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/art${index}`,
})
export const firstPosts = (count: number) =>
  Array.from({ length: count }, (_, index) => post(index))

/** Each is named, with what to do, and with what readers see of it. */
export function testFaults(cases: readonly Case[], run: typeof examineHere): void {
  describe.concurrent('the doctor names', { timeout: TIMEOUT_MS }, () => {
    test.for(cases)('$fault', async (broken, { expect }) => {
      const { code, findings, troubles } = await run(broken)
      expect(troubles).toEqual([...USUAL, ...broken.troubles])
      const found = findings.find(({ message }) => broken.says.test(message))
      expect(found, JSON.stringify(findings, null, 1)).toBeDefined()
      expect(found?.verdict).not.toBe('ok')
      expect(found?.advice).toMatch(/\w/)
      expect(found?.readersSee ?? '').toMatch(broken.readers ?? /^$/)
      expect(code).toBe(broken.code ?? 1)
    })
  })
}
