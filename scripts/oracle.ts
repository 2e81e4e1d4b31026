import { parseArgs } from 'node:util'
import { runOracle } from '../test/oracle/runOracle.ts'
import { parseUsage, runCommand, usageError } from './command.ts'

const USAGE = 'npm run oracle -- --seed N | --seeds COUNT [--from FIRST] [--events COUNT]'

await runCommand(async (signal) => {
  const { from, seeds, events } = parseUsage(readArguments, USAGE)
  let [runs, wrong] = [0, 0]
  for (let seed = from; seed < from + seeds && !signal.aborted; seed += 1) {
    const { frames, places, seconds, difference } = await runOracle({ seed, events })
    runs += 1
    wrong += difference === undefined ? 0 : 1
    const outcome = difference === undefined ? 'ok' : `DIFFERENT\n${difference}`
    const size = `${frames} frames, ${places} places, ${seconds.toFixed(1)} s`
    console.log(`seed ${seed} (${size}): ${outcome}`)
  }
  console.log(`${runs} seeds run, ${wrong} with differences`)
  if (wrong > 0) {
    throw new Error('the service is not what the model says')
  }
})

function readArguments() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string', default: '1' },
      from: { type: 'string', default: '1' },
      events: { type: 'string', default: '20000' },
    },
  })
  const from = Number(values.seed ?? values.from)
  const seeds = Number(values.seeds)
  const events = Number(values.events)
  if (![from, seeds, events].every((number) => Number.isSafeInteger(number) && number > 0)) {
    throw usageError('seeds and events are whole numbers above 0', USAGE)
  }
  return { from, seeds, events }
}
