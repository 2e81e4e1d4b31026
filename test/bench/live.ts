import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { benchDatabase, benchFeeds, tagName } from './database.ts'
import { startLiveStream } from './liveStream.ts'
import type { LiveStream } from './liveStream.ts'
import { median, percentile } from './measure.ts'
import { PUBLISHER, writePaths } from './pages.ts'
import { feedsYaml } from './service.ts'
import { startService } from './startService.ts'
import { resident, sizeOnDisk, threadTimes } from './threads.ts'

export interface LiveOptions {
  readonly posts: number
  readonly seconds: number
  readonly eventsPerSecond: number
  readonly requestsPerSecond: number
  /** Roots of other checkouts, measured at the same time on the same stream. */
  readonly beside: readonly string[]
}

export interface LiveResults {
  /** Percent of a core, by thread. */
  readonly threads: Readonly<Record<string, number>>
  readonly cpuPercent: number
  /** MiB: the most, the median, and what of the latter are pages of files. */
  readonly residentMost: number
  readonly residentMedian: number
  readonly residentFiles: number
  /** From the sending of a post until a page has it. */
  readonly seenP50: number
  readonly seenP99: number
  readonly pageP50: number
  readonly pageP99: number
  readonly events: number
  /** Answers other than 200. */
  readonly errors: number
  /** How much larger the database is at the end. */
  readonly grownMb: number
}

const FEEDS = 6
/** Eight minutes of the network, which the service reads when it starts. */
const BACKLOG_FRAMES = 200_000
const WARM_MS = 10_000
const CATCH_UP_WITHIN_MS = 300_000
/** One in the mean; at any time of a batch. */
const PROBE_EVERY_MS = 2_000
const LOOK_EVERY_MS = 2
const SEEN_WITHIN_MS = 60_000

/**
 * The whole service as it runs on a small machine: a live stream, a few readers, and one post now and
 * then that is waited for. CPU time is that of threads, from the kernel.
 */
export async function measureLive(options: LiveOptions): Promise<LiveResults[]> {
  const template = await benchDatabase(options.posts, benchFeeds(FEEDS))
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-bench-'))
  try {
    writeFileSync(join(folder, 'feeds.yaml'), feedsYaml(FEEDS, [TRENDING, PROBE_FEED]))
    const file = writePaths(folder, template, FEEDS).mixed
    const paths = JSON.parse(readFileSync(file, 'utf8')) as string[]
    using stream = await startLiveStream(options.eventsPerSecond, BACKLOG_FRAMES)
    const mains = [undefined, ...options.beside.map((root) => join(root, 'src/main.ts'))]
    await using stack = new AsyncDisposableStack()
    const subjects: Subject[] = []
    for (const [index, main] of mains.entries()) {
      const database = join(folder, `live-${index}.db`)
      copyFileSync(template, database)
      const env = {
        FEEDGEN_JETSTREAM_URLS: stream.url,
        FEEDGEN_PUBLISHER_DID: PUBLISHER,
        // As the image and the systemd unit set it: what an earlier start has compiled is there.
        NODE_COMPILE_CACHE: join(folder, `compiled-${index}`),
      }
      {
        await using _ = await startService(folder, database, env, main)
      }
      const service = stack.use(await startService(folder, database, env, main))
      subjects.push(new Subject(service, database))
    }
    return await measureSubjects(subjects, stream, { ...options, paths })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** For the posts that are waited for: no others push them from its first page. */
const PROBES = 'waitedfor'
const PROBE_FEED = `  - { rkey: ${PROBES}, name: probes, tags: [${PROBES}] }`
/** A ranking, so that its thread is there too. */
const TRENDING = `  - { rkey: trending, name: trending, tags: [${tagName(0)}], order: trending }`

async function measureSubjects(
  subjects: readonly Subject[],
  stream: LiveStream,
  options: LiveOptions & { readonly paths: readonly string[] },
): Promise<LiveResults[]> {
  const stop = new AbortController()
  const { signal } = stop
  const loads = subjects.map((subject) => subject.load(options, signal))
  const first = stream.sendPost(PROBES)
  const firstAt = performance.now()
  await Promise.all(subjects.map((subject) => subject.see(first, firstAt, CATCH_UP_WITHIN_MS)))
  await delay(WARM_MS)
  const sent = stream.sent()
  const begun = subjects.map((subject) => subject.begin())
  const probing = probe(subjects, stream, signal)
  // Whatever fails ends the measuring at once, and with it the services.
  await Promise.race([delay(options.seconds * 1000), Promise.all([probing, ...loads])])
  const results = subjects.map((subject, index) =>
    subject.end(begun[index] as Begun, stream.sent() - sent),
  )
  stop.abort()
  await Promise.all([probing, ...loads])
  return results
}

async function probe(
  subjects: readonly Subject[],
  stream: LiveStream,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const pauseMs = PROBE_EVERY_MS * (0.5 + Math.random())
    await delay(pauseMs, undefined, { signal }).catch(() => {})
    if (!signal.aborted) {
      const sentAt = performance.now()
      const uri = stream.sendPost(PROBES)
      await Promise.all(subjects.map((subject) => subject.waitFor(uri, sentAt)))
    }
  }
}

type Begun = ReturnType<Subject['begin']>

/** A service that is measured. */
class Subject {
  readonly #service: { readonly url: string; readonly pid: number }
  readonly #database: string
  readonly #agent = new Agent({ keepAlive: true })
  readonly #seen: number[] = []
  readonly #pages: number[] = []
  #errors = 0
  #memory: { all: number; files: number }[] = []

  constructor(service: { readonly url: string; readonly pid: number }, database: string) {
    this.#service = service
    this.#database = database
  }

  /** Asks for pages, one after the other, at random times. */
  async load(
    { requestsPerSecond, paths }: LiveOptions & { readonly paths: readonly string[] },
    signal: AbortSignal,
  ): Promise<void> {
    const running = new Set<Promise<void>>()
    for (let asked = 0; !signal.aborted; asked += 1) {
      const one = this.#page(paths[asked % paths.length] ?? '').finally(() => running.delete(one))
      running.add(one)
      const pauseMs = (-Math.log(1 - Math.random()) * 1000) / requestsPerSecond
      await delay(pauseMs, undefined, { signal }).catch(() => {})
      if (asked % requestsPerSecond === 0 && !signal.aborted) {
        this.#memory.push(resident(this.#service.pid))
      }
    }
    await Promise.all(running)
    this.#agent.destroy()
  }

  async #page(path: string): Promise<void> {
    const startedAt = performance.now()
    await this.#ask(path)
    this.#pages.push(performance.now() - startedAt)
  }

  begin() {
    this.#memory = []
    this.#pages.length = 0
    this.#errors = 0
    return {
      at: performance.now(),
      times: threadTimes(this.#service.pid),
      disk: sizeOnDisk(this.#database),
    }
  }

  async waitFor(uri: string, sentAt: number): Promise<void> {
    this.#seen.push(await this.see(uri, sentAt, SEEN_WITHIN_MS))
  }

  /** Returns how long after its sending a post was seen. */
  async see(uri: string, sentAt: number, withinMs: number): Promise<number> {
    const feed = `at://${PUBLISHER}/app.bsky.feed.generator/${PROBES}`
    const path = `/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(feed)}&limit=3`
    while (!(await this.#ask(path)).includes(uri)) {
      if (performance.now() - sentAt > withinMs) {
        throw new Error(`a post was not seen within ${withinMs} ms`)
      }
      await delay(LOOK_EVERY_MS)
    }
    return performance.now() - sentAt
  }

  end({ at, times, disk }: Begun, events: number): LiveResults {
    const elapsedNs = (performance.now() - at) * 1e6
    const threads: Record<string, number> = {}
    let sum = 0
    for (const [name, time] of threadTimes(this.#service.pid)) {
      const percent = ((time - (times.get(name) ?? 0)) / elapsedNs) * 100
      threads[name] = round(percent, 2)
      sum += percent
    }
    const all = this.#memory.map((sample) => sample.all)
    return {
      threads,
      cpuPercent: round(sum, 2),
      residentMost: Math.round(Math.max(...all)),
      residentMedian: Math.round(median(all)),
      residentFiles: Math.round(median(this.#memory.map(({ files }) => files))),
      seenP50: Math.round(median(this.#seen)),
      seenP99: Math.round(percentile(Float64Array.from(this.#seen), 0.99)),
      pageP50: round(median(this.#pages), 2),
      pageP99: round(percentile(Float64Array.from(this.#pages), 0.99), 2),
      events,
      errors: this.#errors,
      grownMb: Math.round(sizeOnDisk(this.#database) - disk),
    }
  }

  #ask(path: string): Promise<string> {
    return new Promise((resolve) => {
      // A connection that is closed while it is asked is an error among others, and no end of the measuring.
      const fail = (): void => {
        this.#errors += 1
        resolve('')
      }
      const asked = request(this.#service.url + path, { agent: this.#agent }, (response) => {
        let body = ''
        response.setEncoding('latin1')
        response.on('data', (part: string) => (body += part))
        response.on('end', () => {
          this.#errors += response.statusCode === 200 ? 0 : 1
          resolve(body)
        })
        response.on('error', fail)
      })
      asked.on('error', fail)
      asked.end()
    })
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
