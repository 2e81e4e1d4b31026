import { runOracle } from '../test/oracle/runOracle.ts'
import type { OracleOptions, OracleOutcome } from '../test/oracle/runOracle.ts'
import { createPostgresDatabase } from '../test/support/databases.ts'
import { startPostgres } from '../test/support/postgresServer.ts'
import { runCommand } from './command.ts'
import type { Call } from './command.ts'

const COMMAND = {
  call: 'npm run oracle --',
  about:
    'Sends streams made from seeds to the service, kills it on the way, and compares all that it then ' +
    'holds with what a model says.',
  options: {
    seed: { type: 'string', value: 'N', about: 'The first seed, as --from.' },
    seeds: { type: 'string', value: 'COUNT', default: '1', about: 'How many seeds to run.' },
    from: { type: 'string', value: 'FIRST', default: '1', about: 'The first seed.' },
    events: { type: 'string', value: 'COUNT', default: '20000', about: 'Events of each stream.' },
    engine: {
      type: 'string',
      value: 'sqlite|postgres',
      default: 'sqlite',
      about: 'The database to run on.',
    },
  },
} as const

await runCommand(COMMAND, async ({ values, problems, signal }) => {
  const { from, seeds, events, engine } = readValues(values, problems)
  await using server = engine === 'postgres' ? await startPostgres() : undefined
  let [runs, wrong] = [0, 0]
  for (let seed = from; seed < from + seeds && !signal.aborted; seed += 1) {
    const { frames, places, seconds, difference } = await runOn(server?.url(), { seed, events })
    runs += 1
    wrong += difference === undefined ? 0 : 1
    const outcome = difference === undefined ? 'ok' : `DIFFERENT\n${difference}`
    const size = `${frames} frames, ${places} places, ${seconds.toFixed(1)} s`
    console.log(`seed ${seed} (${size}): ${outcome}`)
  }
  console.log(`${runs} seeds run on ${engine}, ${wrong} with differences`)
  if (wrong > 0) {
    throw new Error('the service is not what the model says')
  }
})

/** On a database of its own in a Postgres; on SQLite without one. */
async function runOn(server: string | undefined, options: OracleOptions): Promise<OracleOutcome> {
  if (server === undefined) {
    return await runOracle(options)
  }
  await using database = await createPostgresDatabase(false, server)
  return await runOracle({ ...options, databaseUrl: database.url })
}

function readValues(
  { seed, from, seeds, events, engine }: Call<typeof COMMAND.options>['values'],
  problems: Call<typeof COMMAND.options>['problems'],
) {
  const read = { from: Number(seed ?? from), seeds: Number(seeds), events: Number(events) }
  if (!Object.values(read).every((number) => Number.isSafeInteger(number) && number > 0)) {
    problems.usage('seeds and events are whole numbers above 0')
  }
  if (engine !== 'sqlite' && engine !== 'postgres') {
    problems.usage('--engine: give sqlite or postgres')
  }
  problems.throwIfAny()
  return { ...read, engine }
}
