import { statSync } from 'node:fs'
import { benchDatabase, benchFeeds } from '../test/bench/database.ts'
import { measureIngest, measureMemory } from '../test/bench/ingest.ts'
import { measureLive } from '../test/bench/live.ts'
import { describeMachine } from '../test/bench/measure.ts'
import { measurePages } from '../test/bench/pages.ts'
import { measurePostgres } from '../test/bench/postgres.ts'
import { measureService } from '../test/bench/service.ts'
import { measureTrending } from '../test/bench/trending.ts'
import { runCommand } from './command.ts'

const number = (text: string, unset: string) =>
  ({ type: 'string', value: 'N', default: unset, about: text }) as const

const COMMAND = {
  call: 'npm run bench --',
  about: 'Measures the service beside plain programs in one run, and prints the ratios.',
  options: {
    rounds: number('How often each side of a ratio is measured.', '5'),
    seconds: number('How long a round takes, in seconds.', '4'),
    posts: number('How many posts the databases hold.', '1000000'),
    frames: number('How many frames are ingested.', '1000000'),
    longStream: number('How many events the measurement of memory takes.', '5000000'),
    only: { type: 'string', value: 'live', about: 'Measures a live service alone.' },
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
await runCommand(COMMAND, async ({ values, problems }) => {
  const read = (name: Exclude<keyof typeof values, 'only' | 'beside'>): number => {
    const parsed = Number(values[name])
    if (!Number.isFinite(parsed) || parsed <= 0) {
      problems.usage(`--${name}: give a number above 0`)
    }
    return parsed
  }
  const [rounds, seconds, posts] = [read('rounds'), read('seconds'), read('posts')]
  const [frames, longStream] = [read('frames'), read('longStream')]
  const [rate, requests, liveSeconds] = [read('rate'), read('requests'), read('liveSeconds')]
  if (values.only !== undefined && values.only !== 'live') {
    problems.usage('--only: live can be measured by itself')
  }
  problems.throwIfAny()
  if (values.only === 'live') {
    await reportLive({ posts, rate, requests, seconds: liveSeconds, beside: values.beside })
    return
  }
  console.log(`${describeMachine()}; ${posts} posts, ${rounds} rounds of ${seconds} s\n`)

  const pages = await measurePages({ rounds, seconds, posts })
  console.table(pages)
  const perSecond = (name: string): number => pages[name]?.perSecond ?? Number.NaN
  report(
    'service of bare node:http, mixed pages',
    perSecond('service, mixed') / perSecond('bare, mixed'),
  )
  const uncached = perSecond('service, mixed, nothing kept')
  report('the same, nothing kept', uncached / perSecond('bare, mixed'))
  report(
    'service of bare node:http, deep pages',
    perSecond('service, deep') / perSecond('bare, deep'),
  )
  report(
    'service of framework, mixed pages',
    perSecond('service, mixed') / perSecond('framework, mixed'),
  )
  report('first pages of constant body', perSecond('service, first pages') / perSecond('constant'))
  report('page 1000 of page 1', perSecond('service, page 1000') / perSecond('service, page 1'))
  report('20 tags of one tag', perSecond('service, 20 tags') / perSecond('service, page 1'))
  report('two processes of one', perSecond('service, two cores') / uncached)

  const postgres = await measurePostgres({ rounds, seconds, posts })
  console.table(postgres.pages)
  console.log(postgres.plans.join('\n'))
  const page = (name: string): number => postgres.pages[name]?.perSecond ?? Number.NaN
  report('Postgres: pages of those of SQLite', page('postgres, mixed') / page('sqlite, mixed'))
  report('Postgres: page 1000 of page 1', page('postgres, page 1000') / page('postgres, page 1'))
  report('Postgres: 20 tags of one tag', page('postgres, 20 tags') / page('postgres, page 1'))
  report('Postgres: two processes of one', page('postgres, two') / page('postgres, mixed'))
  console.log(`posts stored a second: ${JSON.stringify(postgres.inserts)}`)
  report('Postgres: inserts of SQLite', postgres.inserts.postgres / postgres.inserts.sqlite)

  const ingest = await measureIngest({ rounds, posts, frames })
  console.table(ingest)
  reportShares('ingest of JSON.parse, by CPU', ingest.ofParseCpu)
  reportShares('ingest beside JSON.parse, by CPU', ingest.besideParseCpu)

  const memory = await measureMemory(longStream, posts)
  console.log(
    `${longStream} new events at ${memory.eventsPerSecond}/s; MiB at each tenth: ${memory.tenths.join(' ')}`,
  )

  const trending = await measureTrending(rounds, seconds)
  console.table(trending)
  report('ranking, of all candidates read', trending.rankMs / trending.plainMs)
  report('a trending page of a recent one', trending.pageRatio)
  report('p99 beside ranking, of idle', trending.rankingP99 / trending.idleP99)

  const service = await measureService({ rounds, seconds, posts })
  const { idle, replaying, pruning } = service
  console.table({ idle, replaying, pruning })
  const { readyMs, readyAgainMs } = service
  console.log(`ready after ${Math.round(readyMs)} ms, again after ${Math.round(readyAgainMs)} ms`)
  console.log(`replay beside readers: ${Math.round(service.replayEventsPerSecond)} events/s`)
  report('replaying of idle, requests/s', replaying.perSecond / idle.perSecond)
  report('replaying of idle, p99', replaying.p99 / idle.p99)
  report('pruning of idle, p99', pruning.p99 / idle.p99)
  const path = await benchDatabase(posts, benchFeeds(6))
  report('bytes of disk a post, with 1.2 tags and 6 feeds', statSync(path).size / posts)
})

/** What a small machine needs; the code of other checkouts is measured at the same time. */
interface LiveArguments {
  readonly seconds: number
  readonly posts: number
  readonly rate: number
  readonly requests: number
  readonly beside: readonly string[]
}

async function reportLive(live: LiveArguments): Promise<void> {
  const { seconds, posts, rate, requests, beside } = live
  console.log(
    `${describeMachine()}; ${posts} posts, ${rate} events/s and ${requests} requests/s for ${seconds} s\n`,
  )
  const results = await measureLive({
    posts,
    seconds,
    eventsPerSecond: rate,
    requestsPerSecond: requests,
    beside,
  })
  for (const [index, { threads, ...others }] of results.entries()) {
    console.log(index === 0 ? 'this code' : beside[index - 1])
    console.table({ 'percent of a core': threads })
    console.table(others)
  }
}

function reportShares(
  what: string,
  { all, first, rest }: Record<'all' | 'first' | 'rest', number>,
) {
  report(what, all)
  report('  the first 300,000 frames', first)
  report('  those after them', rest)
}

function report(what: string, value: number): void {
  console.log(`${what}: ${value.toFixed(value < 10 ? 2 : 0)}`)
}
