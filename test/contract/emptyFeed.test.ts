/** Why a feed has no posts, as `printFeed` says it. */
import { describe, expect, test } from 'vitest'
import { parseFeedFile } from '../../src/feedfile/feedFile.ts'
import { prepareFilters } from '../../src/feeds/createFeeds.ts'
import { explainEmptyFeed } from '../../src/feeds/explainEmptyFeed.ts'
import { silentLogger } from '../../src/logger.ts'
import { US_PER_DAY, US_PER_HOUR } from '../../src/time.ts'
import { engines } from '../support/databases.ts'
import { openFeedBench } from '../support/feedBench.ts'

const FILE = `feeds:
  - { rkey: art, name: Art, tags: [art] }
  - { rkey: cats, name: Cats, tags: [cats] }
  - { rkey: video, name: Video, tags: [art], media: [video] }
  - { rkey: top, name: Top, tags: [art], order: trending, trending: { windowHours: 1 } }
`

describe.each(engines)('an empty feed on $name', ({ open }) => {
  test('says why', async () => {
    await using database = await open()
    const { writer, reader } = database
    const nowUs = Date.now() * 1000
    const clock = (): number => nowUs
    const definitions = parseFeedFile(FILE, 'feeds.yaml')
    const filters = await prepareFilters(writer, definitions, { clock, logger: silentLogger() })
    const bench = await openFeedBench(database, definitions, clock)
    const explain = async (rkey: string, atUs = nowUs, hasRanking = false): Promise<string> => {
      const index = definitions.findIndex((each) => each.rkey === rkey)
      const definition = definitions[index]
      if (definition === undefined) {
        throw new Error(`no feed ${rkey}`)
      }
      const options = {
        definition,
        filterId: filters.at(index),
        retentionDays: 30,
        clock: () => atUs,
        hasRanking,
      }
      return await explainEmptyFeed(reader, options)
    }
    expect(await explain('art')).toMatch(/^no post is stored yet: start the service/)

    const facts = { tags: ['art'], media: 0, languages: [], labels: [] }
    const key = { did: 'did:plc:a', rkey: '3kaaaaaaaaaa2', rev: '3kaaaaaaaaaa2' }
    const op = { ...key, kind: 'putPost', cid: 'bafyreia', timeUs: nowUs, indexedAt: nowUs, facts }
    await bench.store(op as never)
    expect(await explain('cats')).toMatch(/^no stored post that is visible carries one of its tags/)
    expect(await explain('video')).toMatch(
      /^none of 1 stored post with one of its tags passes its other rules .*media/,
    )
    expect(await explain('art', nowUs + 40 * US_PER_DAY)).toMatch(
      /^1 stored post would belong to it.*30 days of FEEDGEN_RETENTION_DAYS/,
    )
    expect(await explain('top')).toMatch(/no ranking of them yet/)
    expect(await explain('top', nowUs, true)).toMatch(/none is visible now/)
    expect(await explain('top', nowUs + 2 * US_PER_HOUR)).toMatch(/window of 1 hour: wait/)
  })
})
