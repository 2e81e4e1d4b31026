import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { feedsFile } from '../../oracle/oracleFeeds.ts'
import type { OracleFeed } from '../../oracle/oracleFeeds.ts'
import { OracleTape } from '../../support/oracleTape.ts'
import { startPostgresPair } from '../../support/postgresServer.ts'
import type { PostgresServer } from '../../support/postgresServer.ts'
import { runApp } from '../../support/runApp.ts'
import type { RunningApp } from '../../support/runApp.ts'
import type { TcpProxy } from '../../support/tcpProxy.ts'
import { until } from '../../support/until.ts'

/**
 * A primary and its replica: readers read from the replica, the primary dies before the replica has
 * what was committed last, the replica is promoted, and all goes on by itself. The tests go on from
 * one another.
 */

const LOST = 400
/** Its filter is made on the primary when the replica does not hear of it any more. */
const FRESH: OracleFeed = { rkey: 'fresh', name: 'Fresh', tags: { any: ['art'], none: ['music'] } }

describe('with a primary and a replica', { timeout: 60_000 }, () => {
  const stack = new AsyncDisposableStack()
  let primary: PostgresServer
  let replica: PostgresServer
  let link: TcpProxy
  let onReplica: pg.Client
  let tape: OracleTape
  let ingester: RunningApp
  let server: RunningApp
  let fresh: RunningApp

  beforeAll(async () => {
    ;({ primary, replica, link } = stack.use(await startPostgresPair()))
    tape = stack.use(await OracleTape.open(20_261_102, 3_000))
    onReplica = await connect(replica)
    stack.defer(() => onReplica.end())
    tape.send(1_000)
    ingester = await start('ingest,rank,serve')
    server = await start('serve')
    await ingester.untilCommitted(tape.reachedUs)
  })

  afterAll(() => stack.disposeAsync())

  async function start(roles: string, feeds = tape.feeds): Promise<RunningApp> {
    const env = {
      FEEDGEN_DATABASE_URL: `${primary.url()},${replica.url()}`,
      FEEDGEN_JETSTREAM_URLS: tape.url,
      FEEDGEN_ROLES: roles,
      ...(roles === 'serve' && { FEEDGEN_DATABASE_READ_URL: replica.url() }),
    }
    return stack.use(await runApp({ env, feeds }))
  }

  /** How far the replica is, in what it shows. */
  async function replicaUs(): Promise<number> {
    const { rows } = await onReplica.query<{ time_us: string }>(
      'select time_us from ingest_position',
    )
    return Number(rows[0]?.time_us ?? 0)
  }

  const sessions = async (client: pg.Client, name: string): Promise<number> => {
    const { rows } = await client.query<{ count: string }>(
      'select count(*) from pg_stat_activity where application_name = $1',
      [name],
    )
    return Number(rows[0]?.count)
  }

  test('pages are read from the replica', async () => {
    await until(async () => (await replicaUs()) >= tape.reachedUs)
    expect(await tape.difference(server)).toBeUndefined()
    expect(await sessions(onReplica, 'tagfeed serve')).toBe(4)
    const onPrimary = await connect(primary)
    // Those of the other process, which was not given a replica to read from.
    expect(await sessions(onPrimary, 'tagfeed serve')).toBe(4)
    await onPrimary.end()
  })

  test('a replica that is behind serves what it has', async () => {
    link.stall()
    const before = await server.walk('any')
    tape.send(LOST)
    await ingester.untilCommitted(tape.reachedUs)
    expect(await tape.difference(ingester)).toBeUndefined()
    expect(await server.walk('any')).toEqual(before)
    expect(await replicaUs()).toBeLessThan(tape.reachedUs)
    fresh = await start('rank,serve', feedsFile([FRESH]))
    expect(await fresh.walk('fresh')).toEqual(tape.members(FRESH))
  })

  test('pages go on when the primary is gone, also those of a process that starts then', async () => {
    const before = await server.walk('any')
    primary.kill()
    await until(async () => (await ingester.health()).ingest.problem)
    expect(await server.walk('any')).toEqual(before)
    // Ingest has nowhere to write to, but its readers find the replica.
    await until(() => ingester.page('any').catch(() => undefined))
    expect(await ingester.walk('any')).toEqual(before)
    await using late = await start('serve')
    expect(await late.walk('any')).toEqual(before)
    expect(await late.stop()).toBe(0)
  })

  test('ingest goes on where the promoted replica is, and nothing is missing', async () => {
    tape.send(100)
    const hadUs = await replicaUs()
    const startedAt = performance.now()
    await onReplica.query('select pg_promote(false)')
    tape.sendLast()
    for (const app of [ingester, server]) {
      await app.untilCommitted(tape.reachedUs)
      expect(await tape.difference(app)).toBeUndefined()
    }
    const seconds = (performance.now() - startedAt) / 1000
    console.log(`all is read ${seconds.toFixed(1)} s after the promotion`)
    const [, resumed] = ingester.logs.filter(({ event }) => event === 'streamConnected')
    expect(resumed?.['cursor']).toBeLessThan(hadUs)
    expect(ingester.logs.filter(({ event }) => event === 'ingestDied')).toEqual([])
  })

  test('a filter that was lost with the primary is made anew', async () => {
    await until(async () => (await fresh.walk('fresh').catch(() => [])).length > 0)
    expect(await fresh.walk('fresh')).toEqual(tape.members(FRESH))
    for (const app of [ingester, server, fresh]) {
      expect(await until(async () => (await app.get('/ready')).ok)).toBe(true)
      expect(await app.stop()).toBe(0)
    }
  })
})

async function connect(server: PostgresServer): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url(), application_name: 'test' })
  client.on('error', () => {})
  await client.connect()
  return client
}
