import { statSync } from 'node:fs'
import { benchDatabase, benchFeeds } from '../test/bench/database.ts'
import { measureIngest, measureMemory } from '../test/bench/ingest.ts'
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
  },
}

/** Both sides of every ratio are measured in this one run, interleaved; the figures are medians. */
await runCommand(COMMAND, async ({ values, problems }) => {
  const read = (name: keyof typeof values): number => {
    const parsed = Number(values[name])
    if (!Number.isFinite(parsed) || parsed <= 0) {
      problems.usage(`--${name}: give a number above 0`)
    }
    return parsed
  }
  const [rounds, seconds, posts] = [read('rounds'), read('seconds'), read('posts')]
  const [frames, longStream] = [read('frames'), read('longStream')]
  problems.throwIfAny()
  console.log(`${describeMachine()}; ${posts} posts, ${rounds} rounds of ${seconds} s\n`)

  const pages = await measurePages({ rounds, seconds, posts })
  console.table(pages)
  const rate = (name: string): number => pages[name]?.perSecond ?? Number.NaN
  report('service of bare node:http, mixed pages', rate('service, mixed') / rate('bare, mixed'))
  const uncached = rate('service, mixed, nothing kept')
  report('the same, nothing kept', uncached / rate('bare, mixed'))
  report('service of bare node:http, deep pages', rate('service, deep') / rate('bare, deep'))
  report('service of framework, mixed pages', rate('service, mixed') / rate('framework, mixed'))
  report('first pages of constant body', rate('service, first pages') / rate('constant'))
  report('page 1000 of page 1', rate('service, page 1000') / rate('service, page 1'))
  report('20 tags of one tag', rate('service, 20 tags') / rate('service, page 1'))
  report('two processes of one', rate('service, two cores') / uncached)

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
