import { problemOf, unreadiness, warnings } from '../../status/health.ts'
import type { HealthOptions } from '../../status/health.ts'
import type { IngestStatus } from '../../status/ingestStatus.ts'
import type { ReaderTotals } from '../../status/metrics.ts'
import type { RankingStatus } from '../../status/observeRankings.ts'
import { countOf } from '../../texts/countOf.ts'
import { formatUs } from '../../time.ts'
import type { Us } from '../../time.ts'
import { html } from '../frame/html.ts'
import type { Html, Part } from '../frame/html.ts'
import { pageFrame } from '../frame/pageFrame.ts'
import type { Site } from '../frame/pageFrame.ts'
import type { ServiceState } from '../frame/serviceState.ts'
import { ageInWords, timeAgo } from '../parts/age.ts'
import { barChart } from '../parts/barChart.ts'
import type { StatusSample } from '../sources/statusHistory.ts'

export interface StatusPageOptions {
  readonly site: Site
  readonly state: ServiceState
  readonly health: HealthOptions
  readonly readers: ReaderTotals
  readonly samples: readonly StatusSample[]
  readonly databaseBytes: number | undefined
  readonly nowUs: Us
}

const BARS = 60
const BYTES_PER_MB = 1_000_000
const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })

/** How the service is doing, for those who run it and those who wonder. */
export function statusPage(options: StatusPageOptions): string {
  const { site, state, health, samples, nowUs } = options
  const status = health.ingestStatus()
  const [first] = samples
  return pageFrame({
    ...{ site, state, title: 'Status', path: '/status' },
    description: state.sentence ?? 'All is well.',
    main: html`<h1>Status</h1>
      <p class="lead">
        ${state.sentence ?? 'All is well: the stream is read and readers are served.'}
      </p>
      ${notes(health, state)}
      <p class="quiet">
        This process runs for ${ageInWords(nowUs - health.startedUs)}.
        ${
          first === undefined
            ? 'It takes a sample a minute: charts begin with the first one.'
            : html`Charts: one sample a minute ${timeAgo(first.atUs, nowUs)} and since, in this
              process.`
        }
      </p>
      <div class="cards">
        ${streamPanels(status, options)} ${storePanels(status, options)} ${readerPanels(options)}
      </div>
      ${rankingTable(health.rankingStatuses(), nowUs)}`,
  })
}

/** Further reasons, each in a line of its own. */
function notes(health: HealthOptions, { sentence }: ServiceState): Part {
  const status = health.ingestStatus()
  const problem = status && problemOf(status)
  const all = [...unreadiness(health), ...warnings(health), ...(problem ? [problem] : [])]
  const others = all.filter((each) => sentence?.toLowerCase().includes(each.toLowerCase()) !== true)
  return others.length === 0
    ? undefined
    : html`<ul>
        ${others.map((each) => html`<li>${each}</li>`)}
      </ul>`
}

interface Panel {
  readonly name: string
  readonly value: string
  readonly unit: string
  /** Of the samples, oldest first. */
  readonly values?: readonly (number | undefined)[]
  readonly note?: Part
}

function panel({ name, value, unit, values = [], note }: Panel): Html {
  const known = values.map((each) => each ?? 0)
  const title = `${name}: highest ${numbers.format(Math.max(0, ...known))}, lowest ${numbers.format(Math.min(...known))} ${unit}`
  return html`<section class="card stat">
    <h2>${name}</h2>
    <p><b class="number">${value}</b> ${unit}</p>
    ${known.length < 2 ? undefined : barChart(group(known), title)}
    ${note && html`<p class="quiet">${note}</p>`}
  </section>`
}

/** At most so many bars: the highest value of each group. */
function group(values: readonly number[]): number[] {
  const size = Math.ceil(values.length / BARS)
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
    Math.max(...values.slice(index * size, (index + 1) * size)),
  )
}

function streamPanels(
  status: IngestStatus | undefined,
  { samples, nowUs }: StatusPageOptions,
): Html {
  if (status === undefined) {
    return panel({
      name: 'Stream',
      value: 'none',
      unit: '',
      note: 'No process that reads it has said anything lately.',
    })
  }
  const {
    connected,
    lagMs,
    gap,
    gapsTotal = 0,
    reconnectsTotal,
    rejectedTotal,
    eventsTotal,
  } = status
  const rates = samples.map(({ eventsPerSecond }) => eventsPerSecond)
  const rate = rates.at(-1)
  return html`${panel({
    name: 'Stream',
    value: lagMs === undefined ? '–' : numbers.format(Math.max(0, lagMs) / 1000),
    unit: 's behind',
    values: samples.map((sample) => (sample.lagMs ?? 0) / 1000),
    note: `${connected ? 'Connected' : 'Not connected'}, ${countOf(reconnectsTotal, 'reconnection')}`,
  })}
  ${panel({
    name: 'Events',
    value: rate === undefined ? numbers.format(eventsTotal) : numbers.format(rate),
    unit: rate === undefined ? 'since the start' : 'a second',
    values: rates,
    note: `${numbers.format(eventsTotal)} read, ${numbers.format(rejectedTotal)} passed over as malformed`,
  })}
  ${panel({
    name: 'Gaps',
    value: String(gapsTotal),
    unit: 'since the start',
    note:
      gap === undefined
        ? 'Nothing of the stream is missing.'
        : html`The last: ${formatUs(gap.fromUs)} to ${formatUs(gap.toUs)}, noticed
          ${timeAgo(gap.seenUs, nowUs)}`,
  })}`
}

function storePanels(status: IngestStatus | undefined, options: StatusPageOptions): Html {
  const { samples, databaseBytes, nowUs } = options
  return html`${panel({
    name: 'Database',
    value: databaseBytes === undefined ? '–' : numbers.format(databaseBytes / BYTES_PER_MB),
    unit: 'MB',
    values: samples.map((sample) => (sample.databaseBytes ?? 0) / BYTES_PER_MB),
    note:
      status?.positionUs === undefined
        ? undefined
        : html`Committed up to ${timeAgo(status.positionUs, nowUs)}`,
  })}
  ${
    status === undefined
      ? undefined
      : panel({
          name: 'Batches',
          value: numbers.format(status.lastBatchMs),
          unit: 'ms for the last one',
          values: samples.map(({ batchMs }) => batchMs),
          note: `${numbers.format(status.batchesTotal)} stored, ${countOf(status.buffered, 'frame')} waiting, ${countOf(status.poisonedTotal, 'operation')} refused`,
        })
  }`
}

function readerPanels({ health, readers, samples }: StatusPageOptions): Html {
  const { abandonedTotal, lateTotal, refusedTotal } = health.answers
  const sorted = [...readers.recentSeconds()].sort((a, b) => a - b)
  const quantile = (part: number): string =>
    sorted.length === 0
      ? '–'
      : `${numbers.format((sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0) * 1_000)} ms`
  return html`${panel({
    name: 'Readers',
    value: numbers.format(readers.servedTotal),
    unit: 'pages of feeds since the start',
    values: samples.map(({ answersPerMinute }) => answersPerMinute),
    note: `Half of the last ${sorted.length} took at most ${quantile(0.5)}, 99 of 100 ${quantile(0.99)}`,
  })}
  ${panel({
    name: 'Not answered',
    value: numbers.format(abandonedTotal + lateTotal + refusedTotal),
    unit: 'since the start',
    note: `${abandonedTotal} that nobody waited for, ${lateTotal} that took over four seconds, ${refusedTotal} turned away when busy`,
  })}`
}

function rankingTable(statuses: readonly RankingStatus[], nowUs: Us): Html | undefined {
  return statuses.length === 0
    ? undefined
    : html`<h2 id="rankings">Rankings</h2>
        <div class="wide" tabindex="0" role="region" aria-labelledby="rankings">
          <table>
            <thead>
              <tr>
                <th scope="col">Feed</th>
                <th scope="col">Made</th>
                <th scope="col">Took</th>
                <th scope="col">Posts read</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              ${statuses.map((each) => rankingRow(each, nowUs))}
            </tbody>
          </table>
        </div>`
}

function rankingRow(status: RankingStatus, nowUs: Us): Html {
  const { rkey, computedUs, durationMs, candidates, isLive, problem } = status
  const state = isLive ? (problem === undefined ? 'good' : 'not renewed') : 'not made yet'
  return html`<tr>
    <th scope="row"><a href="/feeds/${rkey}">${rkey}</a></th>
    <td>${computedUs === undefined ? 'not yet' : timeAgo(computedUs, nowUs)}</td>
    <td>${numbers.format(durationMs)} ms</td>
    <td>${numbers.format(candidates)}</td>
    <td>${state}</td>
  </tr>`
}
