import { describe, expect, test } from 'vitest'
import { createClientAddress } from './clientAddress.ts'

const read = createClientAddress(['127.0.0.0/8', '::1', '10.1.0.0/16'])
const addressOf = (remoteAddress: string | undefined, forwarded?: string | string[]): string =>
  read({
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    socket: { remoteAddress },
  })

describe('the address of a client', () => {
  test('is that of its connection', () => {
    expect(addressOf('192.0.2.1')).toBe('192.0.2.1')
    expect(addressOf('::ffff:192.0.2.1')).toBe('192.0.2.1')
    expect(addressOf(undefined)).toBe('unknown')
  })

  test('is what a trusted proxy has written last, and nothing before it', () => {
    expect(addressOf('127.0.0.1', '198.51.100.7')).toBe('198.51.100.7')
    expect(addressOf('::1', '203.0.113.9, 198.51.100.7')).toBe('198.51.100.7')
    expect(addressOf('127.0.0.1', '198.51.100.7, 10.1.2.3')).toBe('198.51.100.7')
    expect(addressOf('127.0.0.1', ['203.0.113.9', '198.51.100.7:4711'])).toBe('198.51.100.7')
    expect(addressOf('127.0.0.1', '198.51.100.7, nonsense')).toBe('127.0.0.1')
  })

  test('is not what a stranger says of himself', () => {
    expect(addressOf('192.0.2.1', '198.51.100.7')).toBe('192.0.2.1')
    expect(addressOf('127.0.0.1', '198.51.100.7, 192.0.2.1')).toBe('192.0.2.1')
  })

  test('of IPv6 is its network', () => {
    expect(addressOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(addressOf('2001:db8::5')).toBe('2001:db8:0:0::/64')
    expect(addressOf('127.0.0.1', '[2001:DB8:1:2::9]:443')).toBe('2001:db8:1:2::/64')
    expect(addressOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64')
  })
})
