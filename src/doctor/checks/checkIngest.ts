import { isObject } from '../../pds/json.ts'
import type { JsonObject } from '../../pds/json.ts'
import { FRESHNESS_MS } from '../../status/freshness.ts'
import { excerpt, quoteExcerpt } from '../../texts/quote.ts'
import { formatUs } from '../../time.ts'
import type { Ask } from '../ask.ts'
import type { Deployment } from '../deployment.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'
import { readJson } from '../readJson.ts'

export interface IngestFacts {
  /** The answer of `/xrpc/_health`. */
  readonly health: JsonObject
  /** The clock of the service, in milliseconds since 1970. */
  readonly nowMs: number
}

const CATCHES_UP =
  'after a pause or a first start it catches up by itself: run the doctor again in some minutes; else read its log'
const note = notesOf('ingest')

/** Whether new posts arrive, and whether the service itself says that it is ready. */
export async function checkIngest(
  { baseUrl }: Deployment,
  ask: Ask,
  facts: IngestFacts,
): Promise<Finding[]> {
  const stream = judgeStream(facts)
  const answer = await ask(`${baseUrl}/ready`)
  const json = answer.ok ? readJson(answer) : undefined
  if (!answer.ok || json?.ok !== true || ![200, 503].includes(answer.status)) {
    const message = 'the service does not answer /ready with what it says there about itself'
    const advice = 'let the TLS proxy pass /ready on'
    return [stream, ...judgeGap(facts), note.warning(message, { advice })]
  }
  const reasons = readTexts(json.value['reasons'])
  const gap = judgeGap(facts)
  // The service warns of a gap itself, with fewer words.
  const warnings = readTexts(json.value['warnings'])
    .filter((text) => gap.length === 0 || !/\bgap\b/iu.test(text))
    .map((text) =>
      note.warning(text, {
        advice: /\branking\b/u.test(text)
          ? 'read the log of the service: the last ranking is served meanwhile'
          : 'read the log of the service, and docs/operations.md about its events',
      }),
    )
  const unready =
    answer.status === 200 || stream.verdict === 'failure'
      ? []
      : [note.failure(`not ready: ${reasons.join('; ')}`, { advice: CATCHES_UP })]
  return [stream, ...unready, ...gap, ...warnings]
}

/** A warning of the part of the stream that no host could send; none where the service names no such part. */
function judgeGap({ health }: IngestFacts): Finding[] {
  const gap = isObject(health['ingest']) ? health['ingest']['gap'] : undefined
  const { fromUs, toUs } = isObject(gap) ? gap : {}
  if (!isMoment(fromUs) || !isMoment(toUs)) {
    return []
  }
  const message =
    `the stream has a gap from ${formatUs(fromUs)} to ${formatUs(toUs)} (${formatAge((toUs - fromUs) / 1_000)}), ` +
    'which no host could fill: its posts are missing, and what was deleted in it may still be shown'
  return [
    note.warning(message, {
      advice:
        'a recording of that time fills it (npm run replay -- FILE --into URL); else what is stale goes with ' +
        'the retention; keep the service from standing still for longer than the hosts remember',
    }),
  ]
}

function isMoment(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && Math.abs(value) < 8e15
}

function judgeStream({ health, nowMs }: IngestFacts): Finding {
  const { ingest } = health
  if (!isObject(ingest)) {
    return note.warning(`/xrpc/_health says nothing about ingest: ${quoteExcerpt(ingest)}`, {
      advice: 'check that what answers there is tagfeed',
    })
  }
  const { connected, positionUs, lagMs, problem } = ingest
  const reason = typeof problem === 'string' ? `: ${excerpt(problem)}` : ''
  // The lag is of the last event: when none comes any more, only the position grows old.
  const ageMs = typeof positionUs === 'number' ? nowMs - positionUs / 1_000 : undefined
  const behindMs = Math.max(typeof lagMs === 'number' ? lagMs : 0, ageMs ?? 0)
  if (connected !== true) {
    const since = ageMs === undefined ? '' : `; the last event is ${formatAge(ageMs)} old`
    return note.failure(
      `the service is not connected to the stream, so no new posts come${reason}${since}`,
      {
        advice:
          'let the service reach the hosts of FEEDGEN_JETSTREAM_URLS; its log names what they say',
      },
    )
  }
  if (ageMs === undefined) {
    return note.warning(`no event of the stream has been stored yet${reason}`, {
      advice: CATCHES_UP,
    })
  }
  if (behindMs >= FRESHNESS_MS) {
    return note.failure(`the service is ${formatAge(behindMs)} behind the stream${reason}`, {
      advice: CATCHES_UP,
    })
  }
  return note.ok(`the stream is connected, ${(behindMs / 1000).toFixed(1)} s behind`)
}

function readTexts(value: unknown): string[] {
  return (Array.isArray(value) ? value : []).slice(0, 20).map((text) => excerpt(String(text)))
}

function formatAge(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) {
    return `${seconds} s`
  }
  return seconds < 7_200
    ? `${Math.round(seconds / 60)} minutes`
    : `${Math.round(seconds / 3600)} hours`
}
