/** Ingest alone: from the WebSocket to committed rows, with the CPU time of the whole process. */
import { openWriter } from '../../src/db/openDatabase.ts'
import { prepareFilters } from '../../src/feeds/openFeeds.ts'
import { startIngest } from '../../src/ingest/ingest.ts'
import { silentLogger } from '../../src/logger.ts'
import { systemClock } from '../../src/time.ts'
import { benchFeeds } from './database.ts'
import { cpuSeconds, tell } from './measure.ts'

const [url = '', path = '', feedCount = '', expected = ''] = process.argv.slice(2)
const database = await openWriter(`sqlite:${path}`)
const logger = silentLogger()
await prepareFilters(database, benchFeeds(Number(feedCount)), { clock: systemClock, logger })

const stop = new AbortController()
let peak = 0
/** Resident memory at each tenth of the way, MiB. */
const tenths: number[] = []
const before = cpuSeconds(process.cpuUsage())
const startedAt = performance.now()
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
  if (eventsTotal >= ((tenths.length + 1) * Number(expected)) / 10) {
    tenths.push(resident)
  }
  if (eventsTotal >= Number(expected) && buffered === 0) {
    clearInterval(timer)
    const seconds = (performance.now() - startedAt) / 1000
    const cpu = cpuSeconds(process.cpuUsage()) - before
    stop.abort()
    tell({ cpu, seconds, events: eventsTotal, residentMb: peak, tenths })
  }
}, 5)
await ingest.done
await database[Symbol.asyncDispose]()
