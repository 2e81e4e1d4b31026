import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config/config.ts'
import { readFeedFile } from '../../../src/feedfile/readFeedFile.ts'
import { findPerson } from '../../../src/pds/person.ts'
import { publishFeeds } from '../../../src/publish/publishFeeds.ts'
import { openFront } from './front.ts'
import type { FrontAnswer, FrontRequest } from './front.ts'
import { openPdsNetwork } from './network.ts'
import type { PdsNetwork } from './network.ts'
import { SERVICE_DID, oneFeed, openBench } from './publisherBench.ts'

const LOGIN = 'com.atproto.server.createSession'
const REFRESH = 'com.atproto.server.refreshSession'
const PUT = 'com.atproto.repo.putRecord'
const EXPIRED = { status: 400, body: { error: 'ExpiredToken', message: 'Token has expired' } }

let network: PdsNetwork
beforeAll(async () => {
  network = await openPdsNetwork()
})
afterAll(() => network[Symbol.asyncDispose]())

/** The front with an account behind it that has one feed to publish. */
async function openBehind(
  answer: (request: FrontRequest) => Promise<FrontAnswer | undefined> | FrontAnswer | undefined,
) {
  const front = await openFront(network, answer)
  const bench = await openBench(network, front)
  bench.writeFeeds(oneFeed())
  const dispose = async (): Promise<void> => {
    bench[Symbol.dispose]()
    await front[Symbol.asyncDispose]()
  }
  return { front, bench, [Symbol.asyncDispose]: dispose }
}

/** Answers a method so many times, and then leaves it to the PDS. */
function times(count: number, nsid: string, answer: FrontAnswer) {
  let left = count
  return (request: FrontRequest): FrontAnswer | undefined => {
    if (request.nsid !== nsid || left === 0) {
      return undefined
    }
    left -= 1
    return answer
  }
}

describe('a login', () => {
  test('with a wrong password is refused, and says where there is a right one', async () => {
    using bench = await openBench(network)
    bench.writeFeeds(oneFeed())
    bench.env['FEEDGEN_PUBLISHER_PASSWORD'] = 'wrong-horse-battery'
    const { code, stderr } = await bench.run('publishFeed', '--yes')
    expect(code).toBe(1)
    expect(stderr).toMatch(/the password is not one of did:plc:\w+: make an app password/u)
    expect(await bench.records()).toEqual([])
  })

  test('without a password and without a terminal says what to set', async () => {
    using bench = await openBench(network)
    bench.writeFeeds(oneFeed())
    bench.env['FEEDGEN_PUBLISHER_PASSWORD'] = undefined
    const { code, stderr } = await bench.run('publishFeed', '--yes')
    expect(code).toBe(1)
    expect(stderr).toContain('set FEEDGEN_PUBLISHER_PASSWORD to an app password')
  })

  test('as another account than FEEDGEN_PUBLISHER_DID is refused before the password is sent', async () => {
    await using behind = await openBehind(() => undefined)
    const { bench, front } = behind
    const other = await network.createAccount()
    const wrong = await bench.run('publishFeed', '--yes', '--handle', other.did)
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain(`FEEDGEN_PUBLISHER_DID is ${bench.account.did}`)
    bench.env['FEEDGEN_PUBLISHER_DID'] = undefined
    const unset = await bench.run('publishFeed', '--yes', '--handle', other.did)
    expect(unset.code).toBe(2)
    expect(unset.stderr).toContain(`set it to ${other.did}`)
    expect((await bench.run('publishFeed', '--yes')).stderr).toContain('FEEDGEN_PUBLISHER_DID')
    expect(front.calls).not.toContain(LOGIN)
  })

  test('that a PDS answers for another account is not used', async () => {
    const body = {
      did: 'did:plc:somebodyelse',
      accessJwt: 'a-secret-token',
      refreshJwt: 'b-secret-token',
    }
    await using behind = await openBehind(times(1, LOGIN, { status: 200, body }))
    const { code, stderr } = await behind.bench.run('publishFeed', '--yes')
    expect(code).toBe(1)
    expect(stderr).toContain('logged in another account')
    expect(await behind.bench.records()).toEqual([])
  })

  test('by a handle that names nobody says what was looked for', async () => {
    using bench = await openBench(network)
    bench.writeFeeds(oneFeed())
    const { code, stderr } = await bench.run('publishFeed', '--handle', 'nobody.invalid')
    expect(code).toBe(1)
    expect(stderr).toContain('the handle nobody.invalid names no account')
    expect(stderr).toContain('_atproto.nobody.invalid')
  })

  test.each(['deactivated', 'taken down'])('of an account that is %s says so', async (state) => {
    using bench = await openBench(network)
    bench.writeFeeds(oneFeed())
    const { did, token } = bench.account
    const isDeactivated = state === 'deactivated'
    await (isDeactivated
      ? network.call('com.atproto.server.deactivateAccount', { input: {}, token })
      : network.call('com.atproto.admin.updateSubjectStatus', {
          input: {
            subject: { $type: 'com.atproto.admin.defs#repoRef', did },
            takedown: { applied: true },
          },
          isAdmin: true,
        }))
    const { code, stderr } = await bench.run('publishFeed', '--yes')
    expect(code).toBe(1)
    expect(stderr).toMatch(isDeactivated ? /is deactivated: log in/u : /has been taken down: ask/u)
  })
})

describe('a code from an e-mail', () => {
  const wanted = { error: 'AuthFactorTokenRequired', message: 'A sign in code has been sent' }

  /** A PDS that lets nobody in without this code. */
  function wantCode(code: string) {
    return ({ nsid, body }: FrontRequest): FrontAnswer | undefined => {
      if (nsid !== LOGIN) {
        return undefined
      }
      const given = (JSON.parse(body.toString()) as Record<string, unknown>)['authFactorToken']
      if (given === undefined) {
        return { status: 401, body: wanted }
      }
      const wrong = { error: 'InvalidToken', message: `Token ${code} is invalid` }
      return given === code ? undefined : { status: 400, body: wrong }
    }
  }

  test('cannot be asked for in a pipeline', async () => {
    await using behind = await openBehind(wantCode('AB-12'))
    const { code, stderr } = await behind.bench.run('publishFeed', '--yes')
    expect(code).toBe(1)
    expect(stderr).toContain('use an app password, which needs no code')
  })

  test('is asked for at a terminal, again when it is wrong, after a password that is not shown', async () => {
    await using behind = await openBehind(wantCode('AB-12'))
    const { bench } = behind
    const input = Object.assign(new PassThrough(), { isTTY: true })
    const output = Object.assign(new PassThrough(), { isTTY: true })
    const { signal } = new AbortController()
    let shown = ''
    const answers = new Map([
      ['Write 1 of these', 'y'],
      ['App password of', bench.account.appPassword],
      ['Sign-in code', 'WRONG'],
      ['That code is not taken', 'ab-12'.toUpperCase()],
    ])
    // Types when it is asked, as people do.
    output.on('data', (chunk: Buffer) => {
      shown += chunk.toString()
      for (const [question, answer] of answers) {
        if (shown.includes(question)) {
          answers.delete(question)
          setImmediate(() => input.write(`${answer}\r`))
        }
      }
    })
    bench.env['FEEDGEN_PUBLISHER_PASSWORD'] = undefined
    const config = readConfig(bench.env)
    await publishFeeds({
      config,
      definitions: readFeedFile(config.feedsFile),
      identifier: undefined,
      isDryRun: false,
      isConfirmed: false,
      takesOver: false,
      person: findPerson({ input, output, signal }),
      signal,
      only: [],
      cleared: new Set(),
      onPlan: () => {},
      onWritten: () => {},
    })
    expect(answers.size).toBe(0)
    expect(shown).not.toContain(bench.account.appPassword)
    expect(await bench.records()).toHaveLength(1)
  })
})

describe('a session', () => {
  test('that expires on the way is refreshed, once', async () => {
    await using behind = await openBehind(times(1, PUT, EXPIRED))
    const { bench, front } = behind
    expect(await bench.run('publishFeed', '--yes')).toMatchObject({ code: 0, stderr: '' })
    expect(front.calls.filter((nsid) => nsid === REFRESH)).toHaveLength(1)
    expect(front.calls.filter((nsid) => nsid === LOGIN)).toHaveLength(1)
    expect(await bench.records()).toHaveLength(1)
    expect(front.calls.at(-1)).toBe('com.atproto.server.deleteSession')
  })

  test('that cannot be refreshed is opened again', async () => {
    const expirePut = times(1, PUT, EXPIRED)
    await using behind = await openBehind((request) =>
      request.nsid === REFRESH ? EXPIRED : expirePut(request),
    )
    const { bench, front } = behind
    expect(await bench.run('publishFeed', '--yes')).toMatchObject({ code: 0, stderr: '' })
    expect(front.calls.filter((nsid) => nsid === LOGIN)).toHaveLength(2)
    expect(await bench.records()).toHaveLength(1)
  })

  test('that is never good enough ends in an error', async () => {
    await using behind = await openBehind(({ nsid, token }) =>
      nsid === PUT
        ? { status: 400, body: { error: 'ExpiredToken', message: `no: ${token}` } }
        : undefined,
    )
    const { bench, front } = behind
    const { code, stderr } = await bench.run('publishFeed', '--yes')
    expect(code).toBe(1)
    expect(stderr).toContain('ExpiredToken: no: [secret]')
    expect(front.calls.filter((nsid) => nsid === PUT)).toHaveLength(2)
  })
})

describe('a PDS', () => {
  test.each([LOGIN, PUT, 'com.atproto.repo.listRecords'])(
    'that answers 500 to %s',
    async (nsid) => {
      const html = { status: 500, body: '<html>Internal</html>' }
      await using behind = await openBehind(times(9, nsid, html))
      const { code, stderr } = await behind.bench.run('publishFeed', '--yes')
      expect(code).toBe(1)
      expect(stderr).toContain(`answers 500 to ${nsid}: the fault is there: try again later`)
      expect(await behind.bench.records()).toEqual([])
    },
  )

  test('that has had enough says until when, and is not asked again', async () => {
    const reset = String(Math.floor(Date.now() / 1_000) + 600)
    const limited = {
      status: 429,
      headers: { 'ratelimit-reset': reset },
      body: { error: 'RateLimitExceeded', message: 'Rate Limit Exceeded' },
    }
    await using behind = await openBehind(times(9, LOGIN, limited))
    const { bench, front } = behind
    const { code, stdout, stderr } = await bench.run('publishFeed', '--yes', '--json')
    expect(code).toBe(1)
    expect(stderr).toMatch(/had too many requests: try again in \d+ min, at 20\S+Z/u)
    expect(front.calls.filter((nsid) => nsid === LOGIN)).toHaveLength(1)
    expect(JSON.parse(stdout)).toMatchObject({
      feeds: [{ action: 'create' }],
      written: [],
      error: expect.stringContaining('too many requests'),
    })
  })

  test('that is busy for a moment is asked again after it', async () => {
    const busy = { status: 429, headers: { 'retry-after': '1' }, body: {} }
    await using behind = await openBehind(times(1, PUT, busy))
    const { bench, front } = behind
    expect(await bench.run('publishFeed', '--yes')).toMatchObject({ code: 0, stderr: '' })
    expect(front.calls.filter((nsid) => nsid === PUT)).toHaveLength(2)
  })

  test('that says nothing is not waited for without end', async () => {
    await using behind = await openBehind(times(9, PUT, 'silence'))
    const { code, stderr } = await behind.bench.run('publishFeed', '--yes')
    expect(code).toBe(1)
    expect(stderr).toMatch(/gave no answer to com\.atproto\.repo\.putRecord: no answer in time/u)
  })

  test('that is another kind of host, or none at all', async () => {
    const page = { status: 200, body: '<html>Welcome</html>' }
    await using behind = await openBehind(times(9, 'com.atproto.repo.listRecords', page))
    const { bench } = behind
    expect((await bench.run('publishFeed')).stderr).toContain('is it a PDS?')
    bench.env['FEEDGEN_PLC_URL'] = network.plcUrl
    bench.env['FEEDGEN_ALLOW_LOCAL_NETWORK'] = 'false'
    const strict = await bench.run('publishFeed')
    expect(strict.code).toBe(1)
    expect(strict.stderr).toContain('FEEDGEN_ALLOW_LOCAL_NETWORK=true')
  })

  test('that repeats what was sent does not make it known', async () => {
    await using behind = await openBehind(({ nsid, body }) =>
      nsid === LOGIN
        ? { status: 400, body: { error: 'InvalidRequest', message: `bad: ${body.toString()}` } }
        : undefined,
    )
    const { code, stderr } = await behind.bench.run('publishFeed', '--yes')
    expect(code).toBe(1)
    expect(stderr).toContain('"password":"[secret]"')
  })
})

describe('a record', () => {
  test('that somebody changes after the plan is not overwritten', async () => {
    const ours = { did: SERVICE_DID, displayName: 'Old', createdAt: '2024-01-01T00:00:00Z' }
    const theirs = { ...ours, displayName: 'Changed meanwhile' }
    const between: (() => Promise<void>)[] = []
    await using behind = await openBehind(async ({ nsid }) => {
      await (nsid === PUT ? between.shift()?.() : undefined)
      return undefined
    })
    const { bench } = behind
    await bench.putRecord('art', ours)
    between.push(() => bench.putRecord('art', theirs))
    const { code, stderr } = await bench.run('publishFeed', '--yes')
    expect(code).toBe(1)
    expect(stderr).toContain('somebody changed the record meanwhile')
    expect((await bench.record('art'))?.value).toMatchObject(theirs)
    expect((await bench.run('publishFeed', '--yes')).code).toBe(0)
  })
})
