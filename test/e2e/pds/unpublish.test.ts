import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answerFrom, openLocalServer } from '../../support/localServer.ts'
import { openPdsNetwork } from './network.ts'
import type { PdsNetwork } from './network.ts'
import { GENERATOR, SERVICE_DID, oneFeed, openBench } from './publisherBench.ts'

const CREATED = { createdAt: '2024-01-01T00:00:00Z' }
const NOWHERE = ['--appview', 'http://localhost:9']

let network: PdsNetwork
beforeAll(async () => {
  network = await openPdsNetwork()
})
afterAll(() => network[Symbol.asyncDispose]())

describe('unpublishing', () => {
  test('says what is lost, deletes, and looks whether it is gone', async () => {
    using bench = await openBench(network)
    bench.writeFeeds(`${oneFeed('art')}  - { rkey: cats, name: Cats, tags: [cats] }\n`)
    await bench.run('publishFeed', '--yes')
    const uri = `at://${bench.account.did}/${GENERATOR}/art`
    const path = `/xrpc/app.bsky.feed.getFeedGenerator?feed=${uri}`
    await using appView = await openLocalServer(answerFrom({ [path]: { view: { likeCount: 42 } } }))
    const options = ['art', '--appview', appView.url]

    const rev = await bench.rev()
    const dry = await bench.run('unpublishFeed', ...options, '--dry-run')
    expect(dry).toMatchObject({ code: 0, stderr: '' })
    expect(dry.stdout).toContain('delete     art  "Art", with 42 likes')
    expect(dry.stdout).toContain('npm run publishFeed would put it back')
    const unsure = await bench.run('unpublishFeed', ...options)
    expect(unsure.code).toBe(2)
    expect(await bench.rev()).toBe(rev)

    const done = await bench.run('unpublishFeed', ...options, '--yes')
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect(done.stdout).toContain('gone       art')
    expect((await bench.records()).map((record) => record.uri)).toEqual([
      `at://${bench.account.did}/${GENERATOR}/cats`,
    ])

    const again = await bench.run('unpublishFeed', ...options, '--yes')
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('art: the repository has no such feed; it has: cats')
  })

  test('takes out orphans and nothing else, and does not need the AppView', async () => {
    using bench = await openBench(network)
    await bench.putRecord('old', { did: SERVICE_DID, displayName: 'Old', ...CREATED })
    await bench.putRecord('theirs', { did: 'did:web:other.dev', displayName: 'T', ...CREATED })
    bench.writeFeeds(oneFeed())
    await bench.run('publishFeed', '--yes')
    const options = ['--orphans', '--yes', '--json', ...NOWHERE]
    const { code, stdout } = await bench.run('unpublishFeed', ...options)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      feeds: [{ rkey: 'old', likeCount: null, isInFeedsFile: false }],
      deleted: ['old'],
    })
    expect(await bench.records()).toHaveLength(2)
    const again = await bench.run('unpublishFeed', ...options)
    expect(JSON.parse(again.stdout)).toMatchObject({ feeds: [], deleted: [] })
  })

  test('leaves a feed of another service, unless told otherwise', async () => {
    using bench = await openBench(network)
    await bench.putRecord('theirs', { did: 'did:web:other.dev', displayName: 'T', ...CREATED })
    bench.writeFeeds(oneFeed())
    const refused = await bench.run('unpublishFeed', 'theirs', '--yes', ...NOWHERE)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('theirs is a feed of another service (did:web:other.dev)')
    expect(await bench.records()).toHaveLength(1)
    const told = await bench.run('unpublishFeed', 'theirs', '--yes', '--take-over', ...NOWHERE)
    expect(told).toMatchObject({ code: 0, stderr: '' })
    expect(told.stdout).toContain('an unknown number of likes')
    expect(await bench.records()).toEqual([])
  })

  test('wants record keys or --orphans, not both and not neither', async () => {
    using bench = await openBench(network)
    for (const args of [[], ['art', '--orphans'], ['--all']]) {
      const { code, stderr } = await bench.run('unpublishFeed', ...args)
      expect(code).toBe(2)
      expect(stderr).toContain('usage: npm run unpublishFeed')
    }
  })
})
