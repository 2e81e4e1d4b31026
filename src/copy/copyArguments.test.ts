import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { identifyDatabase, readCopyUrls } from './copyArguments.ts'

const SECRET = 'hunter2'
const env = {
  PG: `postgres://me:${SECRET}@db.test/feeds`,
  BAD: `postgres://me:${SECRET}/x@db.test/feeds`,
  EMPTY: '',
}
const read = (from: string, to: string) => readCopyUrls([from, to], env)

function problemsOf(from: string, to: string): string {
  try {
    read(from, to)
    return ''
  } catch (error) {
    return error instanceof ConfigError ? error.problems.join('\n') : 'no ConfigError'
  }
}

describe('the databases that a copy names', () => {
  test('are URLs, or variables that hold one', () => {
    expect(read('sqlite:a.db', 'env:PG')).toEqual({ from: 'sqlite:a.db', to: env.PG })
    expect(read('postgres://me@db.test/feeds', 'sqlite:a.db')).toEqual({
      from: 'postgres://me@db.test/feeds',
      to: 'sqlite:a.db',
    })
  })

  test.each([
    ['data/a.db', 'mysql://x/y', /FROM: give sqlite:PATH(.|\n)*TO: give sqlite:PATH/],
    ['env:PG', 'env:NOTHING', /^TO: the variable that env: names is not set$/],
    ['env:EMPTY', 'env:', /FROM: the variable(.|\n)*TO: the variable/],
    ['env:BAD', 'sqlite:a.db', /^FROM: it is no valid postgres:\/\/ URL/],
    ['sqlite:a.db', `postgres://me:${SECRET}@db.test/feeds`, /^TO: every user/],
    ['sqlite:a.db', `postgres://me@db.test/feeds?password=${SECRET}`, /^TO: every user/],
    ['sqlite:a.db', `postgres://db.test/x,postgres://:${SECRET}@db2.test/x`, /^TO: every user/],
    ['sqlite:a.db', 'sqlite:./b/../a.db', /same database/],
    ['env:PG', 'postgres://other@db.test:5432/feeds', /same database/],
    ['env:PG', 'postgres://db2.test/feeds,postgres://db.test/feeds', /same database/],
  ])('are refused as %s and %s', (from, to, words) => {
    const problems = problemsOf(from, to)
    expect(problems).toMatch(words)
    expect(problems).not.toContain(SECRET)
  })

  test('are identified without user and password, and wherever the command runs', () => {
    expect(identifyDatabase(env.PG)).toBe('postgres://db.test/feeds')
    expect(identifyDatabase('sqlite:a.db')).toBe(`sqlite:${resolve('a.db')}`)
  })
})
