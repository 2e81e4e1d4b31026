import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { problemsOf } from '../../test/support/configProblems.ts'
import { readConfig } from './config.ts'
import type { Environment } from './config.ts'
import { describeConfig } from './describeConfig.ts'

/** Long enough never to be part of a sentence by chance, with every character that URLs treat apart. */
const secretText = fc
  .tuple(
    fc.stringMatching(/^[A-Z0-9]{9}$/u),
    fc.string({ unit: fc.constantFrom(...Array.from('ab/?#@:%& \\')), maxLength: 8 }),
    fc.stringMatching(/^[A-Z0-9]{9}$/u),
  )
  .map(([head, middle, tail]) => ({ text: `${head}${middle}${tail}`, parts: [head, tail] }))

function textSeenByOthers(env: Environment): string {
  const problems = problemsOf(env)
  return problems.length > 0 ? problems.join('\n') : JSON.stringify(describeConfig(readConfig(env)))
}

describe('a secret', () => {
  const urlVariables = ['FEEDGEN_DATABASE_URL', 'FEEDGEN_JETSTREAM_URLS', 'FEEDGEN_PLC_URL']
  const schemes = [
    'postgres://',
    'postgresql://',
    'postgres:',
    'mysql://',
    'wss://',
    'https://',
    '',
  ]
  const endings = ['@host/db', '@host:5432/db?x=1', '@host/subscribe', '@', '@ho st/db']

  test('that is the password of the publisher is never shown', () => {
    fc.assert(
      fc.property(secretText, fc.boolean(), ({ text, parts }, isWrongElsewhere) => {
        const other = isWrongElsewhere ? { FEEDGEN_PORT: 'x' } : {}
        const seen = textSeenByOthers({ ...other, FEEDGEN_PUBLISHER_PASSWORD: text })
        expect(parts.filter((part) => seen.includes(part))).toEqual([])
      }),
    )
  })

  test('inside a URL is never shown, well-formed or not', () => {
    const property = fc.property(
      secretText,
      fc.constantFrom(...urlVariables),
      fc.constantFrom(...schemes),
      fc.constantFrom(...endings),
      fc.boolean(),
      ({ text, parts }, name, scheme, ending, isEncoded) => {
        const password = isEncoded ? encodeURIComponent(text) : text
        const seen = textSeenByOthers({ [name]: `${scheme}user:${password}${ending}` })
        expect(parts.filter((part) => seen.includes(part))).toEqual([])
      },
    )
    fc.assert(property, { numRuns: 1_000 })
  })

  test.each([
    'SECRET',
    'postgres:u:SECRET',
    'mysql://host/x&password=SECRET',
    'postgres://SECRET%',
  ])('in the database URL %j, which is none, is not shown', (text) => {
    for (const name of ['FEEDGEN_DATABASE_URL', 'FEEDGEN_DATABASE_READ_URL']) {
      expect(problemsOf({ [name]: text })).toHaveLength(1)
      expect(textSeenByOthers({ [name]: text })).not.toContain('SECRET')
    }
  })

  test('of a replica or in a parameter is not shown', () => {
    const seen = textSeenByOthers({
      FEEDGEN_DATABASE_URL: 'postgres://u:SECRET1@db:5432/tagfeed?password=SECRET2',
      FEEDGEN_DATABASE_READ_URL: 'postgres://u:SECRET3@replica/tagfeed',
    })
    expect(seen).not.toMatch(/SECRET/u)
    expect(seen).toContain('"databaseUrl":"postgres://db:5432/tagfeed"')
    expect(seen).toContain('"databaseReadUrls":["postgres://replica/tagfeed"]')
  })
})

test('the description shows the roles as a list', () => {
  expect(describeConfig(readConfig({}))).toMatchObject({
    port: 3000,
    roles: ['ingest', 'rank', 'serve'],
  })
})
