import { parseArgs } from 'node:util'
import {
  HOSTILE_FEEDS,
  alarms,
  findTargets,
  residentBytes,
  sendHostileFrames,
  sendHostileRequests,
} from '../test/hostile/campaign.ts'
import { openJetstreamServer } from '../test/support/jetstreamServer.ts'
import { runApp } from '../test/support/runApp.ts'
import { parseUsage, runCommand, usageError } from './command.ts'

const USAGE = 'node scripts/fuzz.ts [--seed N] [--frames N] [--requests N]'

/** Hostile input against a service of its own, for as long as one likes; fails when it breaks. */
await runCommand(async () => {
  const { seed, frames, requests } = parseUsage(readArguments, USAGE)
  await using jetstream = await openJetstreamServer()
  const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url }
  await using app = await runApp({ feeds: HOSTILE_FEEDS, env })
  const megabytes = async (): Promise<string> =>
    `${Math.round((await residentBytes(app)) / 1e6)} MB resident`

  const startUs = (Date.now() - 3_600_000) * 1000
  const report = await sendHostileFrames(app, jetstream, { seed, frames, startUs })
  console.log(`${report.frames} frames, ${report.rejected} rejected; ${await megabytes()}`)
  const kept = await app.walk('good')
  const isWhole = kept.join(' ') === report.good.join(' ')
  console.log(
    `${kept.length} of ${report.good.length} good posts kept${isWhole ? '' : ', not these'}`,
  )

  const answers = await sendHostileRequests(app, await findTargets(app), { seed, requests })
  console.log(
    `${answers.requests} requests, ${answers.unanswered} unanswered; ${await megabytes()}`,
  )
  console.log(`answers by status: ${JSON.stringify(answers.byStatus)}`)
  console.log(`of these without a body: ${JSON.stringify(answers.bare)}`)

  const problems = [...answers.violations, ...alarms(app), ...(isWhole ? [] : ['posts are lost'])]
  const code = await app.stop()
  if (problems.length > 0 || code !== 0) {
    throw new Error([...problems, `exit code ${code}: ${app.stderr()}`].join('\n'))
  }
})

function readArguments() {
  const option = (text: string) => ({ type: 'string', default: text }) as const
  const { values } = parseArgs({
    options: { seed: option('1'), frames: option('100000'), requests: option('20000') },
  })
  const numberOf = (name: keyof typeof values): number => {
    const value = Number(values[name])
    if (!Number.isSafeInteger(value) || value < 1) {
      throw usageError(`--${name} is a whole number above 0`, USAGE)
    }
    return value
  }
  return { seed: numberOf('seed'), frames: numberOf('frames'), requests: numberOf('requests') }
}
