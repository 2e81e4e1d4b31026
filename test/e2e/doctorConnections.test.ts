import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { createAuthority, createSelfSigned, DAY_MS } from '../support/certificates.ts'
import { temporaryFolder } from '../support/databases.ts'
import { examine, examineHere, silent } from '../support/doctorBench.ts'
import { HEALTH, OFFLINE, TIMEOUT_MS, USUAL } from '../support/doctorCases.ts'

/** What is left out when the service cannot be reached. */
const UNREACHED = ['did', 'describe', 'skeleton', 'clock', 'ingest'].map(
  (check) => `${check} skipped`,
)

describe.concurrent(
  'the doctor names what keeps Bluesky from the service',
  { timeout: TIMEOUT_MS },
  () => {
    test('nobody listens', async ({ expect }) => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      server.close()
      await once(server, 'close')
      const { code, findings, troubles } = await examine({ url: `http://127.0.0.1:${port}` })
      expect(troubles).toEqual([...USUAL, 'service failure', ...UNREACHED])
      const failure = findings.find(({ verdict }) => verdict === 'failure')
      expect(failure?.message).toMatch(/nobody listens there \(connection refused\)/)
      expect(failure?.readersSee).toMatch(OFFLINE)
      expect(findings.find(({ check }) => check === 'did')?.message).toMatch(/cannot be reached/)
      expect(code).toBe(1)
    })

    test('a host name without an address', async ({ expect }) => {
      const { code, findings, troubles } = await examine({ url: 'http://nowhere.invalid' })
      expect(troubles).toEqual([
        'configuration warning',
        'dns failure',
        'tls skipped',
        'service skipped',
        ...UNREACHED,
      ])
      expect(findings.find(({ check }) => check === 'dns')?.message).toMatch(
        /nowhere.invalid: (the host name has no address|no name server gave an answer)/,
      )
      expect(code).toBe(1)
    })

    test('a server that says nothing', async ({ expect }) => {
      const { code, findings, troubles } = await examineHere({ service: { [HEALTH]: silent } })
      expect(troubles).toEqual([...USUAL, 'service failure', ...UNREACHED])
      expect(findings.find(({ verdict }) => verdict === 'failure')?.message).toMatch(/within 10 s/)
      expect(code).toBe(1)
    })

    test('something that speaks no HTTP', async ({ expect }) => {
      const server = createServer((socket) => {
        socket.on('error', () => {})
        socket.end('220 mail.tagfeed.dev ESMTP\r\n')
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const { findings, troubles } = await examineHere({ url: `http://127.0.0.1:${port}` })
      server.close()
      expect(troubles).toEqual([...USUAL, 'service failure', ...UNREACHED])
      expect(findings.find(({ verdict }) => verdict === 'failure')?.message).toMatch(
        /speaks no HTTP/,
      )
    })
  },
)

describe.concurrent('the doctor judges a certificate', { timeout: TIMEOUT_MS }, () => {
  const authority = createAuthority()
  const secured = ['configuration warning', 'dns skipped']
  const refused = ['tls failure', 'service skipped', ...UNREACHED]
  const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS)

  const folder = temporaryFolder()
  const path = join(folder.path, 'authority.pem')
  /** The doctor trusts the authority, as it trusts the public ones. */
  const env = { NODE_EXTRA_CA_CERTS: path }
  beforeAll(() => {
    writeFileSync(path, authority.pem)
    setDefaultCACertificates([...getCACertificates('default'), authority.pem])
  })
  afterAll(() => folder[Symbol.dispose]())

  test('that is good', async ({ expect }) => {
    const { code, findings, troubles } = await examine({ env, secure: authority.issue() })
    expect(troubles).toEqual(secured)
    expect(findings.find(({ check }) => check === 'tls')?.message).toMatch(
      /is good until .*36\d days/,
    )
    expect(code).toBe(0)
  })

  test('that ends soon', async ({ expect }) => {
    const secure = authority.issue({ from: inDays(-80), to: inDays(3.5) })
    const { code, findings, troubles } = await examineHere({ secure })
    expect(troubles).toEqual([...secured, 'tls warning'])
    expect(findings.find(({ check }) => check === 'tls')?.message).toMatch(/ends in 3 days/)
    expect(code).toBe(0)
  })

  test('that lives for some days alone', async ({ expect }) => {
    const secure = authority.issue({ from: inDays(-1), to: inDays(5) })
    expect((await examineHere({ secure })).troubles).toEqual(secured)
  })

  test.for([
    {
      fault: 'that has expired',
      secure: authority.issue({ from: inDays(-90), to: inDays(-1) }),
      says: /the certificate has expired \(for IP Address:127.0.0.1, until \d{4}-/,
      run: examine,
    },
    {
      fault: 'that is not valid yet',
      secure: authority.issue({ from: inDays(1) }),
      says: /not valid yet/,
    },
    {
      fault: 'for another host name',
      secure: authority.issue({ names: ['www.tagfeed.dev'] }),
      says: /for another host name \(for DNS:www.tagfeed.dev/,
      run: examine,
    },
    { fault: 'that is self-signed', secure: createSelfSigned(), says: /self-signed/ },
    {
      fault: 'without the rest of its chain',
      secure: authority.subordinate().issue(),
      says: /chain is incomplete/,
    },
  ])('$fault', async ({ secure, says, run = examineHere }, { expect }) => {
    const { code, findings, troubles } = await run({ env, secure })
    expect(troubles).toEqual([...secured, ...refused])
    const found = findings.find(({ check }) => check === 'tls')
    expect(found?.message).toMatch(says)
    expect(found?.readersSee).toMatch(OFFLINE)
    expect(code).toBe(1)
  })

  test('where there is none', async ({ expect }) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { findings, troubles } = await examineHere({ url: `https://127.0.0.1:${port}` })
    server.close()
    expect(troubles).toEqual([...secured, ...refused])
    expect(findings.find(({ check }) => check === 'tls')?.message).toMatch(/speaks no TLS/)
  })
})
