import { countOf } from '../../src/texts/countOf.ts'
import { bundleService } from '../../test/oracle/bundleService.ts'
import { readWorld } from '../../test/oracle/readWorld.ts'
import { recordRun } from '../../test/oracle/recordRun.ts'
import { DEFAULT_EVENTS, runOracle } from '../../test/oracle/runOracle.ts'
import type { OracleOptions, OracleOutcome } from '../../test/oracle/runOracle.ts'
import { createPostgresDatabase } from '../../test/support/databases.ts'
import { startPostgres } from '../../test/support/postgresServer.ts'
import { runCommand } from '../command.ts'
import type { Call } from '../command.ts'

const count = (about: string, value: string) =>
  ({ type: 'string', value: 'COUNT', default: value, about }) as const
const names = (about: string) => ({ type: 'string', value: 'NAMES', default: '', about }) as const

const COMMAND = {
  call: 'npm run oracle --',
  about:
    'Sends streams made from seeds to the service, kills it on the way, and compares all that it then ' +
    'holds with what a model says.',
  options: {
    seed: { type: 'string', value: 'N', about: 'The first seed, as --from.' },
    seeds: count('How many seeds to run.', '1'),
    from: { type: 'string', value: 'FIRST', default: '1', about: 'The first seed.' },
    events: count('Events of each stream.', String(DEFAULT_EVENTS)),
    engine: { type: 'string', value: 'sqlite|postgres', default: 'sqlite', about: 'The database.' },
    parallel: count('So many seeds at a time.', '1'),
    record: { type: 'boolean', about: 'Writes down which seeds were run, and what they found.' },
    skew: {
      type: 'string',
      value: 'none|small|minute|wide',
      about: 'How far clocks of hosts differ.',
    },
    clock: { type: 'string', value: 'right|ahead|behind', about: 'The clock of the service.' },
    with: names('Of ahead, future, v2 and liars, with commas: streams that have them.'),
    without: names('The same: streams without them.'),
  },
} as const

await runCommand(COMMAND, async ({ values, problems, signal }) => {
  const { seeds, parallel, engine, ...options } = readValues(values, problems)
  await using server = engine === 'postgres' ? await startPostgres() : undefined
  using programs = bundleService()
  const outcomes: OracleOutcome[] = []
  const waiting = [...seeds]
  const worker = async (): Promise<void> => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      if (!signal.aborted) {
        const outcome = await runOn(server?.url(), { ...options, seed, programs })
        outcomes.push(outcome)
        printOutcome(outcome)
      }
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  const wrong = outcomes.filter(({ difference }) => difference !== undefined)
  console.log(
    `${countOf(outcomes.length, 'seed')} run on ${engine}, ${wrong.length} with differences`,
  )
  if (values.record) {
    console.log(`recorded in ${recordRun({ engine, outcomes })}`)
  }
  if (wrong.length > 0) {
    throw new Error('the service is not what the model says')
  }
})

function printOutcome({ seed, world, frames, places, seconds, difference }: OracleOutcome): void {
  const size = `${frames} frames, ${places} places, ${seconds.toFixed(1)} s`
  const outcome = difference === undefined ? 'ok' : `DIFFERENT\n${difference}`
  console.log(`seed ${seed} (${world}; ${size}): ${outcome}`)
}

/** On a database of its own in a Postgres; on SQLite without one. A run that fails is a difference. */
async function runOn(server: string | undefined, options: OracleOptions): Promise<OracleOutcome> {
  if (server === undefined) {
    return await runOracle(options)
  }
  await using database = await createPostgresDatabase(false, server)
  return await runOracle({ ...options, databaseUrl: database.url })
}

type OracleCall = Call<typeof COMMAND.options>

function readValues(values: OracleCall['values'], problems: OracleCall['problems']) {
  const { engine } = values
  const from = Number(values.seed ?? values.from)
  const [seeds, events, parallel] = [values.seeds, values.events, values.parallel].map(Number)
  const numbers = [from, seeds, events, parallel]
  if (!numbers.every((number) => Number.isSafeInteger(number) && Number(number) > 0)) {
    problems.usage('seeds, events and parallel are whole numbers above 0')
  }
  if (engine !== 'sqlite' && engine !== 'postgres') {
    problems.usage('--engine: give sqlite or postgres')
  }
  const read = readWorld(values)
  if (typeof read === 'string') {
    problems.usage(read)
  }
  problems.throwIfAny()
  const world = typeof read === 'string' ? {} : read
  const all = Array.from({ length: seeds ?? 1 }, (_, index) => from + index)
  return { seeds: all, events: events ?? 1, parallel: parallel ?? 1, engine, world } as const
}
