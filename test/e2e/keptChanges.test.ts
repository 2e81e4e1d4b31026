import { describe, expect, test } from 'vitest'
import { createPost, deletePost, fakeCid } from '../support/events.ts'
import { tid, updatePost } from '../support/events.ts'
import type { CommitEvent } from '../support/events.ts'
import {
  app,
  datetimeUs,
  newDid,
  nextOf,
  nowUs,
  post,
  publish,
  remove,
  shuffle,
  tick,
  update,
  uriOf,
} from '../support/keptBench.ts'
import { createRandom } from '../support/streamGenerator.ts'
import type { Random } from '../support/streamGenerator.ts'

/** Section 4 of the contract, rule by rule: updates, deletes and revisions. */

describe('an update', () => {
  test('lets a post enter and leave', async () => {
    const entering = post(['other'])
    const leaving = post('enter')
    const turned = post('enter')
    await publish(entering, leaving, turned)
    expect(await app.walk('enter')).toEqual([turned, leaving].map(uriOf))
    await publish(
      update(entering, ['enter']),
      update(leaving, []),
      update(turned, ['enter'], { record: { reply: {} } }),
    )
    expect(await app.walk('enter')).toEqual([uriOf(entering)])
  })

  test('changes tags', async () => {
    const changing = post(['change', 'first'])
    await publish(changing, update(changing, ['change', 'again']))
    expect(await app.walk('change')).toEqual([uriOf(changing)])
    expect(await app.walk('again')).toEqual([uriOf(changing)])
    expect(await app.walk('first')).toEqual([])
  })

  test.each([
    ['in one batch', true],
    ['one by one', false],
  ])('never moves a post, neither by time nor by cid (%s)', async (_, isOneBatch) => {
    const createdAt = datetimeUs(tick())
    const low = post('edited', { cid: 'cccccccc', record: { createdAt } })
    const middle = post('edited', { cid: 'mmmmmmmm', record: { createdAt } })
    const high = post('edited', { cid: 'xxxxxxxx', record: { createdAt } })
    const later = post('edited')
    const earlier = { record: { createdAt: '2020-01-01T00:00:00Z' } }
    const events = [
      ...[low, middle, high, later],
      update(low, ['edited', 'x'], { cid: 'zzzzzzzz' }),
      update(high, ['edited'], { cid: 'aaaaaaaa', ...earlier }),
      update(middle, ['edited', 'y'], { record: { createdAt: undefined } }),
    ]
    if (isOneBatch) {
      await publish(...events)
    } else {
      for (const event of events) {
        await publish(event)
      }
    }
    expect((await app.walk('edited')).slice(0, 4)).toEqual([later, high, middle, low].map(uriOf))
  })

  test('brings a post back to its place after it was without tags', async () => {
    const createdAt = datetimeUs(tick())
    const gone = post('untagged', { cid: 'cccccccc', record: { createdAt } })
    const middle = post('untagged', { cid: 'mmmmmmmm', record: { createdAt } })
    const replied = post('untagged', { cid: 'xxxxxxxx', record: { createdAt } })
    await publish(gone, middle, replied)
    await publish(update(gone, []), update(replied, ['untagged'], { record: { reply: {} } }))
    expect(await app.walk('untagged')).toEqual([uriOf(middle)])
    await publish(update(gone, ['elsewhere'], { cid: 'yyyyyyyy' }))
    const back = { cid: 'zzzzzzzz', record: { createdAt: undefined } }
    await publish(update(gone, ['untagged'], back), update(replied, ['untagged'], back))
    expect(await app.walk('untagged')).toEqual([replied, middle, gone].map(uriOf))
  })

  test('of a record that was never seen makes it one', async () => {
    const unseen = updatePost({ timeUs: tick(), did: newDid(), rkey: '3kaaa', tags: ['update'] })
    const after = post('update')
    await publish(unseen, after)
    expect(await app.walk('update')).toEqual([after, unseen].map(uriOf))
  })

  test('is what a second create is, too', async () => {
    const twice = post(['second', 'first'])
    const after = post('second')
    const again = createPost({ ...nextOf(twice), tags: ['second'], cid: 'zzzzzzzz' })
    await publish(twice, after, again)
    expect(await app.walk('second')).toEqual([after, twice].map(uriOf))
    expect(await app.walk('first')).toEqual([])
    await publish(createPost({ ...nextOf(twice), tags: [] }))
    expect(await app.walk('second')).toEqual([uriOf(after)])
  })
})

describe('a delete', () => {
  test('takes a post out at once, and one of nothing does nothing', async () => {
    const kept = post('delete')
    const gone = post('delete')
    await publish(kept, gone, deletePost({ timeUs: tick(), did: newDid(), rkey: '3kaaa' }))
    expect(await app.walk('delete')).toEqual([gone, kept].map(uriOf))
    await publish(remove(gone), remove(gone))
    expect(await app.walk('delete')).toEqual([uriOf(kept)])
  })

  test('holds against a create that is repeated after it, and before it', async () => {
    const seen = post('replayed')
    await publish(seen, remove(seen))
    const unseen = post('replayed')
    await publish(remove(unseen))
    await publish(seen, unseen)
    await publish(seen, unseen, update(seen, ['replayed'], { rev: tid(seen.time_us + 1) }))
    expect(await app.walk('replayed')).toEqual([])
  })

  test('leaves nothing behind when the record is created again at once, and deleted later', async () => {
    const first = post('renewed', { record: { createdAt: undefined } })
    const between = post('renewed', { record: { createdAt: undefined } })
    await publish(first, between)
    const again = { ...nextOf(first), tags: ['renewed'], record: { createdAt: undefined } }
    await publish(remove(first), createPost({ ...again, timeUs: tick(), rev: tid(nowUs) }))
    expect(await app.walk('renewed')).toEqual([first, between].map(uriOf))
    await publish(update(first, ['renewed', 'x']))
    expect(await app.walk('renewed')).toEqual([first, between].map(uriOf))
    await publish(remove(first))
    expect(await app.walk('renewed')).toEqual([uriOf(between)])
  })

  test('ends the record: created again it is a new one, at a new place', async () => {
    const record = { createdAt: undefined }
    const first = post('recreated', { record, cid: 'zzzzzzzz' })
    const between = post('recreated', { record })
    await publish(first, between)
    await publish(remove(first), createPost({ ...nextOf(first), tags: ['recreated'], record }))
    expect(await app.walk('recreated')).toEqual([first, between].map(uriOf))
    const tie = { createdAt: datetimeUs(tick()) }
    const low = post('recreated', { record: tie, cid: 'cccccccc' })
    const middle = post('recreated', { record: tie, cid: 'mmmmmmmm' })
    const renewed = createPost({
      ...nextOf(low),
      tags: ['recreated'],
      record: tie,
      cid: 'xxxxxxxx',
    })
    await publish(low, middle, deletePost({ ...nextOf(low), rev: tid(nowUs - 1) }))
    await publish({ ...renewed, commit: { ...renewed.commit, rev: tid(tick()) } })
    expect((await app.walk('recreated')).slice(0, 2)).toEqual([low, middle].map(uriOf))
  })
})

describe('revisions', () => {
  /** One frame of a history: `undefined` is a delete. */
  type Step = readonly string[] | undefined
  const histories = (random: Random): Step[][] => [
    [['shuffled'], ['shuffled2']],
    [['shuffled'], undefined, ['shuffled2']],
    [['shuffled'], [], ['shuffled', 'shuffled2']],
    [['shuffled'], ['shuffled2'], undefined, ['shuffled']],
    [['shuffled'], ['shuffled2'], undefined],
    [undefined, ['shuffled']],
    ...Array.from({ length: 60 }, () =>
      Array.from({ length: 2 + random.below(5) }, (): Step => {
        const tags = ['shuffled', 'shuffled2'].filter(() => random.chance(0.6))
        return random.chance(0.3) ? undefined : tags
      }),
    ),
  ]

  test.each([11, 12, 13])(
    'give the same feeds in any order and number as in order (seed %i)',
    async (seed) => {
      const random = createRandom(seed)
      // One claimed time a history, so that its place does not depend on when it was first seen.
      const frames = histories(random).map((steps) => {
        const rkey = tid(tick())
        const record = { createdAt: datetimeUs(tick()) }
        const authors = [newDid(), newDid()] as const
        const make = (did: string) =>
          steps.map((tags, index) => {
            const options = { timeUs: nowUs, did, rkey, rev: tid(nowUs + index), record }
            if (tags === undefined) {
              return deletePost(options)
            }
            const write = index % 2 === 0 ? createPost : updatePost
            return write({ ...options, tags, cid: fakeCid(`${rkey}${index}`) })
          })
        const shuffled = shuffle(make(authors[1]), random)
        const repeats = shuffled.filter(() => random.chance(0.4))
        return { rkey, authors, inOrder: make(authors[0]), shuffled: [...shuffled, ...repeats] }
      })
      // All records at once, each in its own order, in three batches or more.
      const longest = Math.max(...frames.map(({ shuffled }) => shuffled.length))
      const rounds = Array.from({ length: longest }, (_, step) =>
        frames.flatMap(({ inOrder, shuffled }) =>
          [inOrder[step], shuffled[step]].filter((frame) => frame !== undefined),
        ),
      )
      for (const part of [rounds.slice(0, 2), rounds.slice(2, 4), rounds.slice(4)]) {
        await publish(...part.flat().map((frame) => ({ ...frame, time_us: tick() })))
      }
      for (const rkey of ['shuffled', 'shuffled2']) {
        const uris = await app.walk(rkey)
        const of = (which: 0 | 1) =>
          uris.flatMap((uri) => {
            const found = frames.find(({ authors }) => uri.includes(authors[which]))
            return found === undefined ? [] : [found.rkey]
          })
        const isThere = (steps: readonly CommitEvent[]): boolean =>
          JSON.stringify(steps.at(-1)?.commit.record?.['facets'] ?? []).includes(`"${rkey}"`)
        const model = frames.filter(({ inOrder }) => isThere(inOrder)).map(({ rkey }) => rkey)
        expect(of(0)).toEqual(model.toReversed())
        expect(of(1)).toEqual(of(0))
      }
    },
  )

  test('compare as text: an older one changes nothing', async () => {
    const author = newDid()
    const rkey = '3kaaa'
    const at = (rev: string, tags: string[]) =>
      updatePost({ timeUs: tick(), did: author, rkey, rev, tags })
    await publish(at('3kzzzzzzzzzzz', ['odd']), at('3l22222222222', ['odd', 'x']))
    await publish(at('3l22222222222', []), at('3kzzzzzzzzzzz', []), at('3222222222222', []))
    expect(await app.walk('odd')).toHaveLength(1)
    await publish(deletePost({ timeUs: tick(), did: author, rkey, rev: '3kzzzzzzzzzzz' }))
    expect(await app.walk('odd')).toHaveLength(1)
    await publish(deletePost({ timeUs: tick(), did: author, rkey, rev: '3l22222222223' }))
    expect(await app.walk('odd')).toEqual([])
  })
})
