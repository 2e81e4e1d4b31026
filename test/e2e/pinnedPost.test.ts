import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { accountEvent, createPost, deletePost, did, tid } from '../support/events.ts'
import { updatePost } from '../support/events.ts'
import type { CommitEvent } from '../support/events.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import {
  PUBLISHER,
  checkPage,
  createClock,
  postsOf,
  readPages,
  startService,
  uriOf,
  yamlOf,
} from '../support/skeletonService.ts'
import type { Service } from '../support/skeletonService.ts'

const PIN = 'app.bsky.feed.defs#skeletonReasonPin'

describe('a pinned post', () => {
  const stack = new AsyncDisposableStack()
  const clock = createClock()
  const authors = {
    post: did(1),
    ...{ deleted: did(30), unseen: did(31), hidden: did(32), hiddenUnseen: did(33) },
    ...{ erased: did(34), recreated: did(35), retagged: did(36), born: did(37) },
  }
  const posts = Array.from({ length: 6 }, () => createPost({ timeUs: clock(), tags: ['pin'] }))
  const newestFirst = posts.map(uriOf).toReversed()
  const elsewhere = createPost({ timeUs: clock(), did: did(20), tags: ['elsewhere'] })
  const untagged = createPost({ timeUs: clock(), did: did(21) })
  const lonely = createPost({ timeUs: clock(), did: did(22), tags: ['lonely'] })
  const byAuthor = (author: string): CommitEvent =>
    createPost({ timeUs: clock(), did: author, tags: ['elsewhere'] })
  const changing = {
    deleted: byAuthor(authors.deleted),
    hidden: byAuthor(authors.hidden),
    erased: byAuthor(authors.erased),
    recreated: byAuthor(authors.recreated),
    retagged: createPost({ timeUs: clock(), did: authors.retagged, tags: ['pin'] }),
  }
  const unseenRkey = tid(clock())
  const unseenUri = (author: string): string => `at://${author}/app.bsky.feed.post/${unseenRkey}`
  const stable: [rkey: string, pinned: string, tag: string][] = [
    ['middle', newestFirst[3] ?? '', 'pin'],
    ['newest', newestFirst[0] ?? '', 'pin'],
    ['oldest', newestFirst[5] ?? '', 'pin'],
    ['elsewhere', uriOf(elsewhere), 'pin'],
    ['untagged', uriOf(untagged), 'pin'],
    ['unknown', unseenUri(did(23)), 'pin'],
    ['lonely', uriOf(lonely), 'lonely'],
    ['empty', unseenUri(did(24)), 'nobodywritesthis'],
  ]
  const definitions: [rkey: string, pinned: string, tag: string][] = [
    ...stable,
    ...Object.entries(changing).map(([name, event]): [string, string, string] => [
      name,
      uriOf(event),
      'pin',
    ]),
    ['unseen', unseenUri(authors.unseen), 'pin'],
    ['hiddenunseen', unseenUri(authors.hiddenUnseen), 'pin'],
    ['born', unseenUri(authors.born), 'pin'],
  ]
  const feeds = yamlOf(
    Object.fromEntries(
      definitions.map(([rkey, pinned, tag]) => [rkey, `tags: [${tag}], pinned: "${pinned}"`]),
    ),
  )
  const folder = stack.use(temporaryFolder())
  /** The first page: whether it shows a pin, and whether a pin is what it shows first. */
  const pinOf = async (rkey: string, app: RunningApp = service.app): Promise<unknown> => {
    const page = await app.page(rkey, { limit: 3 })
    checkPage(page, 3)
    expect(page.feed).toHaveLength(3)
    expect(page.feed.slice(1).every(({ reason }) => reason === undefined)).toBe(true)
    const [first] = page.feed
    return first?.reason === undefined ? undefined : { post: first.post, type: first.reason.$type }
  }
  const pinTo = (post: string): object => ({ post, type: PIN })
  let service: Service

  beforeAll(async () => {
    service = stack.use(await startService({ feeds, folder: folder.path }))
    await service.send(...posts, elsewhere, untagged, lonely, ...Object.values(changing))
    // It would stand in every list below.
    const { did: author, commit } = changing.retagged
    const tags = ['elsewhere']
    await service.send(updatePost({ timeUs: clock(), did: author, rkey: commit.rkey, tags }))
  })
  afterAll(() => stack.disposeAsync())

  test.each(stable)('comes first and once: %s', async (rkey, pinned, tag) => {
    const rest = tag === 'pin' ? newestFirst.filter((uri) => uri !== pinned) : []
    for (const limit of [2, 3, 4, 5, 6, 7, 100]) {
      const pages = await readPages(service.app, rkey, limit)
      expect([limit, ...postsOf(pages)]).toEqual([limit, pinned, ...rest])
      const [first, ...others] = pages.flatMap(({ feed }) => feed)
      expect(first).toEqual({ post: pinned, reason: { $type: PIN } })
      expect(others.every((item) => !('reason' in item))).toBe(true)
    }
  })

  test('is left out of a first page of one post, and takes one of two with limit=2', async () => {
    const [, pinned] = stable[0] ?? []
    const one = await service.app.page('middle', { limit: 1 })
    expect(one.feed).toEqual([{ post: newestFirst[0] }])
    const two = await service.app.page('middle', { limit: 2 })
    expect(two.feed).toEqual([{ post: pinned, reason: { $type: PIN } }, { post: newestFirst[0] }])
  })

  test('stays when an update takes it out of the tags of the feed', async () => {
    expect(await pinOf('retagged')).toEqual(pinTo(uriOf(changing.retagged)))
  })

  test('goes when the stream shows it deleted', async () => {
    expect(await pinOf('deleted')).toEqual(pinTo(uriOf(changing.deleted)))
    const { did: author, commit } = changing.deleted
    await service.send(deletePost({ timeUs: clock(), did: author, rkey: commit.rkey }))
    expect(await pinOf('deleted')).toBeUndefined()
    expect(await service.app.walk('deleted', 1)).toEqual(newestFirst)
  })

  test('goes when the stream shows it deleted, though it was never stored', async () => {
    expect(await pinOf('unseen')).toEqual(pinTo(unseenUri(authors.unseen)))
    await service.send(deletePost({ timeUs: clock(), did: authors.unseen, rkey: unseenRkey }))
    expect(await pinOf('unseen')).toBeUndefined()
  })

  test('comes back when it is created again', async () => {
    const { did: author, commit } = changing.recreated
    const { rkey } = commit
    await service.send(deletePost({ timeUs: clock(), did: author, rkey }))
    expect(await pinOf('recreated')).toBeUndefined()
    await service.send(createPost({ timeUs: clock(), did: author, rkey, tags: ['elsewhere'] }))
    expect(await pinOf('recreated')).toEqual(pinTo(uriOf(changing.recreated)))
  })

  test('goes when it was stored after the start and is deleted then', async () => {
    const [author, rkey] = [authors.born, unseenRkey]
    await service.send(createPost({ timeUs: clock(), did: author, rkey, tags: ['pin'] }))
    expect(await pinOf('born')).toEqual(pinTo(unseenUri(author)))
    const posts = await service.app.walk('born', 2)
    expect(posts).toEqual([unseenUri(author), ...newestFirst])
    await service.send(deletePost({ timeUs: clock(), did: author, rkey }))
    expect(await pinOf('born')).toBeUndefined()
  })

  test.each([
    ['hidden', authors.hidden, uriOf(changing.hidden)],
    ['hiddenunseen', authors.hiddenUnseen, unseenUri(authors.hiddenUnseen)],
  ])('goes while its account is hidden, and comes back: %s', async (rkey, author, uri) => {
    for (const status of ['deactivated', 'takendown', 'suspended', undefined]) {
      expect(await pinOf(rkey)).toEqual(pinTo(uri))
      const hide = { timeUs: clock(), did: author, active: false }
      await service.send(accountEvent({ ...hide, ...(status !== undefined && { status }) }))
      expect(await pinOf(rkey)).toBeUndefined()
      expect(await service.app.walk(rkey, 1)).toEqual(newestFirst)
      await service.send(accountEvent({ timeUs: clock(), did: author }))
    }
    expect(await pinOf(rkey)).toEqual(pinTo(uri))
  })

  test('goes for good when its account is deleted', async () => {
    const author = authors.erased
    expect(await pinOf('erased')).toEqual(pinTo(uriOf(changing.erased)))
    const gone = { timeUs: clock(), did: author, active: false, status: 'deleted' }
    await service.send(accountEvent(gone))
    expect(await pinOf('erased')).toBeUndefined()
    await service.send(accountEvent({ timeUs: clock(), did: author }))
    expect(await pinOf('erased')).toBeUndefined()
  })

  test('that is gone stays away after a restart, and the others stay', async () => {
    const leaving = [
      deletePost({ timeUs: clock(), did: did(20), rkey: elsewhere.commit.rkey }),
      deletePost({ timeUs: clock(), did: did(23), rkey: unseenRkey }),
      accountEvent({ timeUs: clock(), did: authors.hidden, active: false, status: 'takendown' }),
    ]
    await service.send(...leaving)
    expect(await service.app.stop()).toBe(0)
    const env = {
      FEEDGEN_PUBLISHER_DID: PUBLISHER,
      FEEDGEN_JETSTREAM_URLS: service.jetstream.url,
    }
    await using again = await runApp({ feeds, folder: folder.path, env })
    for (const rkey of ['elsewhere', 'unknown', 'hidden']) {
      expect(await pinOf(rkey, again)).toBeUndefined()
    }
    expect(await pinOf('untagged', again)).toEqual(pinTo(uriOf(untagged)))
  })
})
