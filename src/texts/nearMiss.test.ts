import { expect, test } from 'vitest'
import { findNearMiss } from './nearMiss.ts'

test.each([
  ['FEEDGEN_HOSTNAM', 'FEEDGEN_HOSTNAME'],
  ['FEEDGEN_HOST', 'FEEDGEN_HOSTNAME'],
  ['feedgen_prot', 'FEEDGEN_PORT'],
  ['tgas', 'tags'],
  ['tag', 'tags'],
  ['sort', undefined],
  ['t', undefined],
  ['', undefined],
  ['FEEDGEN_REST', undefined],
])('%s may mean %s', (text, meant) => {
  const choices = ['FEEDGEN_HOSTNAME', 'FEEDGEN_PORT', 'tags']
  expect(findNearMiss(text, choices)).toBe(meant)
})
