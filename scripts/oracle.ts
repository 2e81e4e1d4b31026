import { parseArgs } from 'node:util'
import { runOracle } from '../test/oracle/runOracle.ts'
import type { OracleOptions, OracleOutcome } from '../test/oracle/runOracle.ts'
import { createPostgresDatabase } from '../test/support/databases.ts'
import { startPostgres } from '../test/support/postgresServer.ts'
import { parseUsage, runCommand, usageError } from './command.ts'

const USAGE = `npm run oracle -- --seed N | --seeds COUNT [--from FIRST] [--events COUNT]
  [--engine sqlite|postgres]`

await runCommand(async (signal) => {
  const { from, seeds, events, engine } = parseUsage(readArguments, USAGE)
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

function readArguments() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string', default: '1' },
      from: { type: 'string', default: '1' },
      events: { type: 'string', default: '20000' },
      engine: { type: 'string', default: 'sqlite' },
    },
  })
  const from = Number(values.seed ?? values.from)
  const seeds = Number(values.seeds)
  const events = Number(values.events)
  if (![from, seeds, events].every((number) => Number.isSafeInteger(number) && number > 0)) {
    throw usageError('seeds and events are whole numbers above 0', USAGE)
  }
  if (values.engine !== 'sqlite' && values.engine !== 'postgres') {
    throw usageError('the engine is sqlite or postgres', USAGE)
  }
  return { from, seeds, events, engine: values.engine }
}
