import { expect, test } from 'vitest'
import { explainFault } from './faults.ts'

/** As `fetch` wraps it. */
const wrapped = (cause: Error): Error => new TypeError('fetch failed', { cause })
const coded = (code: string): Error => Object.assign(new Error(code), { code })

test.each([
  [wrapped(coded('CERT_HAS_EXPIRED')), 'tls', 'the certificate has expired'],
  [wrapped(coded('ERR_SSL_WRONG_VERSION_NUMBER')), 'tls', 'speaks no TLS'],
  [
    wrapped(Object.assign(new AggregateError([coded('ECONNREFUSED')]), { code: 'ECONNREFUSED' })),
    'refused',
    'nobody listens there',
  ],
  [new DOMException('late', 'TimeoutError'), 'timeout', 'no whole answer within 5 s'],
  [new DOMException('stop', 'AbortError'), 'stopped', 'the doctor was stopped'],
  [wrapped(new Error('odd\u001b[2J\nthing')), 'broken', 'it failed: odd [2J thing'],
  ['no error at all', 'broken', 'it failed: no error at all'],
])('%s', (error, kind, reason) => {
  const fault = explainFault(error, 5_000)
  expect(fault.kind).toBe(kind)
  expect(fault.reason).toContain(reason)
  expect(fault.advice).not.toBe('')
})
