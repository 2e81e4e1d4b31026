import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ALL_ORDERS, fileWith, fileWithout, problemsOf } from '../../test/support/feedFiles.ts'
import { ORDERS } from '../feeds/feedDefinition.ts'
import { MEDIA, SELF_LABELS } from '../posts/postFilter.ts'
import { parseFeedFile } from './feedFile.ts'
import { DEFAULT_TRENDING } from './readTrending.ts'

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly definitions?: Readonly<Record<string, Schema>>
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly enum?: readonly string[]
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  readonly description?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
}

function readRootFile(name: string): string {
  return readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
}

describe('the files that are shipped', () => {
  const schema = JSON.parse(readRootFile('feeds.schema.json')) as Schema
  const feed = schema.definitions?.['feed']
  const trending = feed?.properties?.['trending']

  /** The keys that the parser names when it meets a key that it does not know. */
  function keysAllowedIn(text: string): readonly string[] {
    const problem = problemsOf(text, ALL_ORDERS).find((each) => each.includes('key "zzzz"'))
    return problem?.split('allowed: ')[1]?.split(', ') ?? []
  }

  test('include feeds that work as they are', () => {
    const text = readRootFile('feeds.yaml')
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./feeds.schema.json')
    const definitions = parseFeedFile(text, 'feeds.yaml')
    expect(definitions.length).toBeGreaterThanOrEqual(6)
    expect(new Set(definitions.map(({ order }) => order))).toEqual(new Set(['recent', 'trending']))
    expect(definitions.find(({ rkey }) => rkey === 'art')?.filter).toMatchObject({
      anyTags: expect.arrayContaining(['art', 'artwork', 'digitalart']),
      noneTags: expect.arrayContaining(['aiart']),
      noneLabels: expect.arrayContaining(['porn', 'sexual']),
    })
  })

  test.each([
    ['the file', 'zzzz: 1', schema],
    ['a feed', fileWith('zzzz: 1'), feed],
    ['tags', fileWithout('tags', 'tags: {zzzz: 1}'), feed?.properties?.['tags']?.anyOf?.[1]],
    ['labels', fileWith('labels: {zzzz: 1}'), feed?.properties?.['labels']],
    ['authors', fileWith('authors: {zzzz: 1}'), feed?.properties?.['authors']],
    ['trending', fileWith('trending: {zzzz: 1}'), trending],
    ['weights', fileWith('trending: {weights: {zzzz: 1}}'), trending?.properties?.['weights']],
  ])('include a schema with exactly the keys of %s', (_, text, part) => {
    expect(Object.keys(part?.properties ?? {}).sort()).toEqual([...keysAllowedIn(text)].sort())
    expect(part?.additionalProperties).toBe(false)
  })

  test('include a schema that describes every key', () => {
    const undescribed = [schema, ...Object.values(schema.definitions ?? {})].flatMap((part) =>
      Object.entries(part.properties ?? {}).filter(
        ([, { description }]) => description === undefined,
      ),
    )
    expect(undescribed).toEqual([])
  })

  test('include a schema with the same words and required keys', () => {
    expect(feed?.required).toEqual(['rkey', 'name', 'tags'])
    expect(feed?.properties?.['order']?.enum).toEqual(ORDERS)
    expect(feed?.properties?.['media']?.items?.enum).toEqual(MEDIA)
    const labels = feed?.properties?.['labels']?.properties?.['none']
    expect(labels?.items?.enum).toEqual(SELF_LABELS)
  })

  test('include a schema with the defaults and limits of the parser for trending', () => {
    const weights = trending?.properties?.['weights']?.properties ?? {}
    const knobs = Object.entries(trending?.properties ?? {}).filter(([key]) => key !== 'weights')
    expect(Object.fromEntries(knobs.map(([key, part]) => [key, part.default]))).toEqual({
      ...DEFAULT_TRENDING,
      weights: undefined,
    })
    expect(
      Object.fromEntries(Object.entries(weights).map(([key, part]) => [key, part.default])),
    ).toEqual(DEFAULT_TRENDING.weights)
    for (const [key, { minimum = 0, maximum = 0 }] of knobs.filter(([key]) => key !== 'featured')) {
      const problemsWith = (value: number) =>
        problemsOf(fileWith(`order: trending\n    trending: {${key}: ${value}}`), ALL_ORDERS)
      expect([...problemsWith(minimum), ...problemsWith(maximum)]).toEqual([])
      expect(problemsWith(minimum - 0.0001)).toHaveLength(1)
      expect(problemsWith(maximum + 1)).toHaveLength(1)
    }
  })
})
