/**
 * Ingest alone: from the WebSocket to committed rows, with the CPU time of the whole process. Told apart
 * are the first frames, while code is compiled and nearly every account is a new one, and the rest.
 */
import { openWriter } from '../../src/db/openDatabase.ts'
import { prepareFilters } from '../../src/feeds/createFeeds.ts'
import { startIngest } from '../../src/ingest/startIngest.ts'
import { silentLogger } from '../../src/logger.ts'
import { systemClock } from '../../src/time.ts'
import { benchFeeds } from './database.ts'
import { cpuSeconds, tell } from './measure.ts'

const [url = '', path = '', feedCount = '', expected = '', first = '0'] = process.argv.slice(2)
const database = await openWriter(`sqlite:${path}`)
const logger = silentLogger()
await prepareFilters(database, benchFeeds(Number(feedCount)), { clock: systemClock, logger })

const stop = new AbortController()
let peak = 0
/** Resident memory at each tenth of the way, MiB. */
const tenths: number[] = []
const begin = { cpu: cpuSeconds(process.cpuUsage()), at: performance.now(), events: 0 }
let mark: typeof begin | undefined
const ingest = startIngest(
  {
    databaseUrl: `sqlite:${path}`,
    jetstreamUrls: [url],
    idleMs: 30_000,
    backfillHours: 2,
    retentionDays: 30,
    windowHours: 72,
    onlyTags: undefined,
    pinned: [],
  },
  { database, logger, clock: systemClock, signal: stop.signal },
)
const timer = setInterval(() => {
  const { eventsTotal, buffered } = ingest.status()
  const resident = Math.round(process.memoryUsage.rss() / 2 ** 20)
  peak = Math.max(peak, resident)
  const now = { cpu: cpuSeconds(process.cpuUsage()), at: performance.now(), events: eventsTotal }
  if (eventsTotal >= Number(first)) {
    mark ??= now
  }
  if (eventsTotal >= ((tenths.length + 1) * Number(expected)) / 10) {
    tenths.push(resident)
  }
  if (eventsTotal >= Number(expected) && buffered === 0) {
    clearInterval(timer)
    const between = (from: typeof begin, to: typeof begin) => ({
      cpu: to.cpu - from.cpu,
      seconds: (to.at - from.at) / 1000,
      events: to.events - from.events,
    })
    stop.abort()
    const [first, rest] = [between(begin, mark ?? now), between(mark ?? begin, now)]
    tell({ ...between(begin, now), first, rest, residentMb: peak, tenths })
  }
}, 25)
await ingest.done
await database[Symbol.asyncDispose]()
