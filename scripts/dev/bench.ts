import { describeMachine } from '../../test/bench/measure.ts'
import { REPORTS } from '../../test/bench/reports.ts'
import { runCommand } from '../command.ts'

const number = (about: string, unset: string) =>
  ({ type: 'string', value: 'N', default: unset, about }) as const
const PARTS = Object.keys(REPORTS).join(', ')

const COMMAND = {
  call: 'npm run bench --',
  about: 'Measures the service beside plain programs in one run, and prints the ratios.',
  options: {
    only: {
      type: 'string',
      value: 'PART',
      multiple: true,
      about: `Measures these parts alone, of ${PARTS}.`,
    },
    rounds: number('How often each side of a ratio is measured.', '5'),
    seconds: number('How long a round takes, in seconds.', '4'),
    posts: number('How many posts the databases hold.', '1000000'),
    frames: number('How many frames are ingested.', '1000000'),
    longStream: number('How many events the measurement of memory takes.', '5000000'),
    connections: number('How many clients ask an overloaded service.', '4000'),
    overloadSeconds: number('How long they do, in seconds.', '60'),
    rate: number('Events a second of a live service.', '400'),
    requests: number('Requests a second of a live service.', '20'),
    liveSeconds: number('How long a live service runs, in seconds.', '600'),
    beside: {
      type: 'string',
      value: 'CHECKOUT',
      multiple: true,
      about: 'Another checkout, whose live service runs at the same time.',
    },
  },
} as const

/** Both sides of every ratio are measured in this one run, interleaved; the figures are medians. */
await runCommand(COMMAND, async ({ values: { only, beside, ...given }, problems, signal }) => {
  const numbers = Object.entries(given).map(([name, text]) => [name, Number(text)] as const)
  const bad = numbers.filter(([, value]) => !Number.isFinite(value) || value <= 0)
  problems.usage(...bad.map(([name]) => `--${name}: give a number above 0`))
  const unknown = only.filter((part) => !Object.hasOwn(REPORTS, part))
  problems.usage(...unknown.map((part) => `--only ${part}: give one of ${PARTS}`))
  problems.throwIfAny()
  const options = { ...(Object.fromEntries(numbers) as Record<keyof typeof given, number>), beside }
  signal.addEventListener('abort', () =>
    console.error('ends after this part; a second signal ends it at once'),
  )
  console.log(`${describeMachine()}; ${options.posts} posts, ${options.rounds} rounds\n`)
  for (const [part, report] of Object.entries(REPORTS)) {
    if (only.length === 0 || only.includes(part)) {
      signal.throwIfAborted()
      await report(options)
    }
  }
})
