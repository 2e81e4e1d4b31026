import {
  HOSTILE_FEEDS,
  alarms,
  findTargets,
  residentBytes,
  sendHostileFrames,
  sendHostileRequests,
} from '../../test/hostile/campaign.ts'
import { openJetstreamServer } from '../../test/support/jetstreamServer.ts'
import { runApp } from '../../test/support/runApp.ts'
import { runCommand } from '../command.ts'

const number = (text: string, unset: string) =>
  ({ type: 'string', value: 'N', default: unset, about: text }) as const

const COMMAND = {
  call: 'npm run fuzz --',
  about: 'Sends hostile frames and requests to a service of its own, and fails when it breaks.',
  options: {
    seed: number('Which frames and requests are made.', '1'),
    frames: number('How many frames are sent.', '100000'),
    requests: number('How many requests are sent.', '20000'),
  },
}

/** Hostile input against a service of its own, for as long as one likes; fails when it breaks. */
await runCommand(COMMAND, async ({ values, problems, signal }) => {
  const read = (name: keyof typeof values): number => {
    const value = Number(values[name])
    if (!Number.isSafeInteger(value) || value < 1) {
      problems.usage(`--${name}: give a whole number above 0`)
    }
    return value
  }
  const [seed, frames, requests] = [read('seed'), read('frames'), read('requests')]
  problems.throwIfAny()
  signal.addEventListener('abort', () =>
    console.error('ends after this part; a second signal ends it at once'),
  )
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

  signal.throwIfAborted()
  const answers = await sendHostileRequests(app, await findTargets(app), { seed, requests })
  console.log(
    `${answers.requests} requests, ${answers.unanswered} unanswered; ${await megabytes()}`,
  )
  console.log(`answers by status: ${JSON.stringify(answers.byStatus)}`)
  console.log(`of these without a body: ${JSON.stringify(answers.bare)}`)

  const faults = [...answers.violations, ...alarms(app), ...(isWhole ? [] : ['posts are lost'])]
  const code = await app.stop()
  if (faults.length > 0 || code !== 0) {
    throw new Error([...faults, `exit code ${code}: ${app.stderr()}`].join('\n'))
  }
})
