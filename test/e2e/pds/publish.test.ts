import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answerFrom, openLocalServer } from '../../support/localServer.ts'
import { openFront } from './front.ts'
import { openPdsNetwork } from './network.ts'
import type { PdsNetwork } from './network.ts'
import { SERVICE_DID, oneFeed, openBench } from './publisherBench.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const OTHER_PNG = Buffer.concat([PNG, Buffer.from('another picture')])

let network: PdsNetwork
beforeAll(async () => {
  network = await openPdsNetwork()
})
afterAll(() => network[Symbol.asyncDispose]())

describe('publishing', () => {
  test('creates what is missing, and writes nothing the second time', async () => {
    using bench = await openBench(network)
    bench.writeFeeds(`feeds:
  - rkey: art
    name: Art
    description: Art of every kind
    tags: [art]
    contentMode: video
    acceptsInteractions: true
  - { rkey: cats, name: Cats, tags: [cats] }
`)
    const first = await bench.run('publishFeed', '--yes')
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain(`+ displayName: "Art"`)
    const { did } = bench.account
    expect(first.stdout).toContain(`done       at://${did}/app.bsky.feed.generator/art`)
    expect((await bench.record('art'))?.value).toEqual({
      $type: 'app.bsky.feed.generator',
      did: SERVICE_DID,
      displayName: 'Art',
      description: 'Art of every kind',
      contentMode: 'app.bsky.feed.defs#contentModeVideo',
      acceptsInteractions: true,
      createdAt: expect.stringMatching(/^20.*Z$/u),
    })
    expect(await bench.records()).toHaveLength(2)

    const rev = await bench.rev()
    // Nothing to write needs no login either.
    bench.env['FEEDGEN_PUBLISHER_PASSWORD'] = undefined
    const second = await bench.run('publishFeed')
    expect(second).toMatchObject({ code: 0, stderr: '' })
    expect(second.stdout).toContain('nothing to write: 2 feeds looked at')
    expect(await bench.rev()).toBe(rev)
  })

  test('shows a changed name, field by field, and writes that alone', async () => {
    using bench = await openBench(network)
    bench.writeFeeds(oneFeed())
    await bench.run('publishFeed', '--yes')
    const before = await bench.record('art')
    bench.writeFeeds(oneFeed('art', 'name: Arts, description: More of it'))
    const rev = await bench.rev()
    const dry = await bench.run('publishFeed', '--dry-run')
    expect(dry.code).toBe(0)
    expect(dry.stdout).toContain('~ displayName: "Art" -> "Arts"')
    expect(dry.stdout).toContain('+ description: "More of it"')
    expect(await bench.rev()).toBe(rev)
    expect((await bench.run('publishFeed', '--yes')).code).toBe(0)
    const after = await bench.record('art')
    expect(after?.value).toEqual({
      ...before?.value,
      displayName: 'Arts',
      description: 'More of it',
    })
  })

  test('keeps what the feeds file does not manage, and what it does not give', async () => {
    using bench = await openBench(network)
    const theirs = {
      did: SERVICE_DID,
      displayName: 'Old',
      description: 'As it was #tag',
      descriptionFacets: [
        {
          index: { byteStart: 10, byteEnd: 14 },
          features: [{ $type: 'app.bsky.richtext.facet#tag', tag: 'tag' }],
        },
      ],
      labels: { $type: 'com.atproto.label.defs#selfLabels', values: [{ val: 'porn' }] },
      contentMode: 'app.bsky.feed.defs#contentModeVideo',
      acceptsInteractions: true,
      createdAt: '2023-05-01T00:00:00.000Z',
      somethingNew: { nested: [1, 'two', null, { $bytes: 'aGVsbG8' }] },
    }
    await bench.putRecord('art', theirs)
    bench.writeFeeds(oneFeed())
    const { code, stdout } = await bench.run('publishFeed', '--yes')
    expect(code).toBe(0)
    expect(stdout).toContain('kept, because the feeds file does not give it: description')
    const kept = { $type: 'app.bsky.feed.generator', ...theirs, displayName: 'Art' }
    expect((await bench.record('art'))?.value).toEqual(kept)

    bench.writeFeeds(oneFeed('art', 'name: Art, acceptsInteractions: false'))
    await bench.run('publishFeed', '--yes', '--clear', 'contentMode')
    const { contentMode: _, ...left } = kept
    expect((await bench.record('art'))?.value).toEqual({ ...left, acceptsInteractions: false })
  })

  test('uploads an avatar when it is another, and only then', async () => {
    await using front = await openFront(network, () => undefined)
    using bench = await openBench(network, front)
    const uploads = () => front.calls.filter((nsid) => nsid === 'com.atproto.repo.uploadBlob')
    const avatar = join(bench.folder, 'art.PNG')
    writeFileSync(avatar, PNG)
    bench.writeFeeds(oneFeed('art', 'name: Art, avatar: art.PNG'))
    expect(await bench.run('publishFeed', '--yes')).toMatchObject({ code: 0, stderr: '' })
    expect(uploads()).toHaveLength(1)
    const first = (await bench.record('art'))?.value['avatar']
    expect(first).toMatchObject({ $type: 'blob', mimeType: 'image/png', size: PNG.length })

    expect((await bench.run('publishFeed', '--yes')).stdout).toContain('unchanged')
    bench.writeFeeds(oneFeed('art', 'name: Arts, avatar: art.PNG'))
    expect((await bench.run('publishFeed', '--yes')).code).toBe(0)
    expect(uploads()).toHaveLength(1)

    writeFileSync(avatar, OTHER_PNG)
    const changed = await bench.run('publishFeed', '--yes')
    expect(changed.stdout).toMatch(/~ avatar: "image\/png" of 70 bytes .* -> "image\/png" of 85/u)
    expect(uploads()).toHaveLength(2)
    expect((await bench.record('art'))?.value['avatar']).not.toEqual(first)

    bench.writeFeeds(oneFeed('art', 'name: Art'))
    await bench.run('publishFeed', '--yes')
    expect((await bench.record('art'))?.value['avatar']).toMatchObject({ size: OTHER_PNG.length })
  })

  test('names orphans, leaves feeds of other services alone, and can be told to do some feeds', async () => {
    using bench = await openBench(network)
    const createdAt = '2024-01-01T00:00:00Z'
    await bench.putRecord('old', { did: SERVICE_DID, displayName: 'Old one', createdAt })
    await bench.putRecord('theirs', { did: 'did:web:other.dev', displayName: 'T', createdAt })
    bench.writeFeeds(`${oneFeed('art')}  - { rkey: cats, name: Cats, tags: [cats] }\n`)
    const { code, stdout } = await bench.run('publishFeed', '--yes', '--json', '--only', 'cats')
    expect(code).toBe(0)
    const { did, handle } = bench.account
    const uri = (rkey: string): string => `at://${did}/app.bsky.feed.generator/${rkey}`
    expect(JSON.parse(stdout)).toMatchObject({
      publisher: { did, handle },
      serviceDid: SERVICE_DID,
      feeds: [{ rkey: 'cats', action: 'create', uri: uri('cats') }],
      orphans: [{ rkey: 'old', displayName: 'Old one', uri: uri('old') }],
      written: [{ rkey: 'cats', uri: uri('cats'), cid: (await bench.record('cats'))?.cid }],
    })
    expect((await bench.records()).map((record) => record.uri).sort()).toEqual(
      ['cats', 'old', 'theirs'].map(uri),
    )
  })

  test('refuses a record key of another application, and writes nothing, unless told to take it over', async () => {
    using bench = await openBench(network)
    const createdAt = '2024-01-01T00:00:00Z'
    await bench.putRecord('art', { did: 'did:web:other.dev', displayName: 'Theirs', createdAt })
    bench.writeFeeds(`${oneFeed('art')}  - { rkey: cats, name: Cats, tags: [cats] }\n`)
    const rev = await bench.rev()
    const refused = await bench.run('publishFeed', '--yes')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/art: a feed of another service \(did:web:other\.dev\)/u)
    expect(refused.stderr).toContain('--take-over')
    expect(await bench.rev()).toBe(rev)
    expect((await bench.run('publishFeed', '--yes', '--take-over')).code).toBe(0)
    expect((await bench.record('art'))?.value).toMatchObject({
      did: SERVICE_DID,
      displayName: 'Art',
      createdAt,
    })
  })

  test('warns when readers cannot reach the service, and writes nevertheless', async () => {
    using bench = await openBench(network)
    bench.writeFeeds(oneFeed())
    const table: Record<string, object | number> = {}
    await using service = await openLocalServer(answerFrom(table))
    // A service on this machine, as in a local network.
    const did = `did:web:localhost%3A${service.port}`
    Object.assign(bench.env, {
      FEEDGEN_HOSTNAME: undefined,
      FEEDGEN_PORT: String(service.port),
    })
    const dead = await bench.run('publishFeed', '--yes')
    expect(dead).toMatchObject({ code: 0, stderr: '' })
    expect(dead.stdout).toMatch(
      /warning    the DID document of did:web:localhost\S+ cannot be found/u,
    )
    expect((await bench.record('art'))?.value).toMatchObject({ did })

    const endpoint = { id: '#bsky_fg', type: 'BskyFeedGenerator', serviceEndpoint: service.url }
    table['/.well-known/did.json'] = { id: did, service: [endpoint] }
    const alive = await bench.run('publishFeed', '--json')
    expect(JSON.parse(alive.stdout)).toMatchObject({ warnings: [], serviceDid: did })
    table['/.well-known/did.json'] = { id: did, service: [] }
    const nameless = await bench.run('publishFeed', '--json')
    expect(JSON.parse(nameless.stdout)).toMatchObject({
      warnings: [expect.stringContaining('names no feed generator (#bsky_fg)')],
    })
  })

  test('takes the links of a description with it, and shows so; a dry run by npm writes nothing', async () => {
    using bench = await openBench(network)
    const link = { $type: 'app.bsky.richtext.facet#link', uri: 'https://tagfeed.dev' }
    const facets = [{ index: { byteStart: 0, byteEnd: 4 }, features: [link] }]
    const theirs = { did: SERVICE_DID, displayName: 'Art', createdAt: '2023-05-01T00:00:00.000Z' }
    const before = { ...theirs, description: 'Here is more', descriptionFacets: facets }
    await bench.putRecord('art', before)
    bench.writeFeeds(oneFeed('art', 'name: Art, description: Nothing here'))
    const rev = await bench.rev()
    // As npm passes `npm run publishFeed --dry-run --yes`, without -- before them.
    Object.assign(bench.env, { npm_config_dry_run: 'true', npm_config_yes: 'true' })
    const dry = await bench.run('publishFeed')
    expect(dry).toMatchObject({ code: 0, stderr: '' })
    expect(dry.stdout).toContain('1 to write, 0 left as they are (a dry run: nothing is written)')
    expect(await bench.rev()).toBe(rev)
    Object.assign(bench.env, { npm_config_dry_run: undefined, npm_config_yes: undefined })
    const { did } = bench.account
    const { stdout } = await bench.run('publishFeed', '--yes')
    expect(stdout).toContain('    - descriptionFacets: [{')
    expect(stdout).toContain('descriptionFacets (links and mentions) go')
    expect(stdout.split(`at://${did}/app.bsky.feed.generator/art`)).toHaveLength(3)
    expect(stdout.split(`https://bsky.app/profile/${did}/feed/art`)).toHaveLength(3)
    const after = { $type: 'app.bsky.feed.generator', ...theirs, description: 'Nothing here' }
    expect((await bench.record('art'))?.value).toEqual(after)
  })

  test('counts a feed that is refused as refused', async () => {
    using bench = await openBench(network)
    const theirs = {
      did: 'did:web:other.dev',
      displayName: 'Cats',
      createdAt: '2023-05-01T00:00:00Z',
    }
    await bench.putRecord('cats', theirs)
    bench.writeFeeds(`${oneFeed()}  - { rkey: cats, name: Cats, tags: [cats] }\n`)
    const { code, stdout } = await bench.run('publishFeed', '--yes')
    expect(code).toBe(1)
    expect(stdout).toContain(
      '1 feed refused, so nothing is written: 1 to write and 0 left as they are without that',
    )
    expect(await bench.records()).toHaveLength(1)
  })

  test('needs a yes, and in a pipeline that is --yes', async () => {
    using bench = await openBench(network)
    bench.writeFeeds(oneFeed())
    const { code, stderr } = await bench.run('publishFeed')
    expect(code).toBe(2)
    expect(stderr).toContain('--yes')
    expect(await bench.records()).toEqual([])
  })

  test('lists every mistake at once, before anything is asked of the network', async () => {
    using bench = await openBench(network)
    bench.env['FEEDGEN_PLC_URL'] = 'http://localhost:9'
    writeFileSync(join(bench.folder, 'page.png'), '<html>')
    writeFileSync(join(bench.folder, 'huge.jpg'), Buffer.alloc(1_000_001, 0xff))
    bench.writeFeeds(`feeds:
  - { rkey: a, name: A, tags: [a], avatar: page.png }
  - { rkey: b, name: B, tags: [b], avatar: huge.jpg }
  - { rkey: c, name: C, tags: [c], avatar: none.png }
`)
    bench.env['FEEDGEN_PUBLISHER_DID'] = undefined
    const pictures = await bench.run('publishFeed', '--yes')
    expect(pictures.stderr).toContain('FEEDGEN_PUBLISHER_DID is not set')
    expect(pictures.code).toBe(2)
    expect(pictures.stderr).toMatch(/page\.png": is neither a PNG nor a JPEG/u)
    expect(pictures.stderr).toMatch(
      /huge\.jpg": is too large \(1000001 bytes of at most 1000000\)/u,
    )
    expect(pictures.stderr).toMatch(/none\.png": there is no such file/u)
    bench.writeFeeds(oneFeed('art', `name: ${'x'.repeat(25)}`))
    expect((await bench.run('publishFeed')).stderr).toMatch(/25 characters, allowed: 24/u)
    bench.writeFeeds(oneFeed())
    const only = await bench.run('publishFeed', '--only', 'cats')
    expect(only.stderr).toMatch(/--only: .* has no feed 'cats'.*: it has art/u)
    for (const argument of ['--password=hunter2', 'hunter2']) {
      const usage = await bench.run('publishFeed', argument)
      expect(usage.code).toBe(2)
      expect(usage.stderr).toContain('usage: npm run publishFeed')
      expect(usage.stderr).not.toContain('hunter2')
    }
  })
})
