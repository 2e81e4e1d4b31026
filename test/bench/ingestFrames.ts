/**
 * Ingest alone: from the WebSocket to committed rows, with the CPU time of the whole process. Told apart
 * is what the first frames cost, while code is compiled and nearly every account is a new one.
 */
import { openWriter } from '../../src/db/openDatabase.ts'
import { prepareFilters } from '../../src/feeds/openFeeds.ts'
import { startIngest } from '../../src/ingest/ingest.ts'
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
let warm: typeof begin | undefined
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
  if (eventsTotal >= Number(first)) {
    warm ??= { cpu: cpuSeconds(process.cpuUsage()), at: performance.now(), events: eventsTotal }
  }
  if (eventsTotal >= ((tenths.length + 1) * Number(expected)) / 10) {
    tenths.push(resident)
  }
  if (eventsTotal >= Number(expected) && buffered === 0) {
    clearInterval(timer)
    const end = { cpu: cpuSeconds(process.cpuUsage()), at: performance.now(), events: eventsTotal }
    const since = (mark: typeof begin) => ({
      cpu: end.cpu - mark.cpu,
      seconds: (end.at - mark.at) / 1000,
      events: end.events - mark.events,
    })
    stop.abort()
    tell({ ...since(begin), warm: since(warm ?? begin), residentMb: peak, tenths })
  }
}, 25)
await ingest.done
await database[Symbol.asyncDispose]()
