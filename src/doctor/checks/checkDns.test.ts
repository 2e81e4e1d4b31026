import { expect, test } from 'vitest'
import { checkDns } from './checkDns.ts'

test('an address of this machine is none that Bluesky reaches', async () => {
  const { findings, addresses } = await checkDns('localhost', false)
  expect(findings.map(({ verdict }) => verdict)).toEqual(['ok', 'warning'])
  expect(findings[1]?.message).toMatch(/(127\.0\.0\.1|::1).* is no public address/)
  expect(addresses).not.toEqual([])
})

test('on a local network it is', async () => {
  const { findings } = await checkDns('localhost', true)
  expect(findings.map(({ verdict }) => verdict)).toEqual(['ok'])
})
