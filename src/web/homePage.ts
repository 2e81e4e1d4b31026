import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Page } from '../feeds/feed.ts'
import type { Registry, RegisteredFeed } from '../feeds/registry.ts'
import { problemOf } from '../status/health.ts'
import type { IngestStatus } from '../status/ingestStatus.ts'
import type { AnswerTotals } from '../status/metrics.ts'
import { parseAtUri } from '../texts/parseAtUri.ts'
import { formatUs } from '../time.ts'
import { html } from './html.ts'
import type { Html } from './html.ts'

export interface HomePageOptions {
  /** Undefined when this process does not serve feeds. */
  readonly registry: Registry | undefined
  readonly identity: { readonly serviceDid: string }
  readonly health: {
    readonly version: string
    readonly ingestStatus: () => IngestStatus | undefined
    readonly answers: AnswerTotals
  }
}

const PREVIEW = 5
/** Feeds that are not read by then are shown without their posts. */
const MAX_READING_MS = 300
/** So long feeds are read before others have their turn. */
const SLICE_MS = 3

const STYLE = html`body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem
auto;padding:0 1rem;color:#1b2430;background:#fff} h1{margin-bottom:0}h2{margin:2rem 0
0}code{font-size:.85em;overflow-wrap:anywhere}.note{color:#566;margin:.2rem 0}
ol{padding-left:1.4rem}table{border-collapse:collapse}td{padding:.1rem 1rem .1rem
0;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#dde4ec;background:#12171d}a{color:#8ab8ff}.note{color:#9aa}}`

/** The page for people: the feeds, a preview of each, the state of ingest. */
export async function homePage({ registry, identity, health }: HomePageOptions): Promise<string> {
  const feeds = await feedSections(registry?.feeds ?? [])
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>tagfeed</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <h1>tagfeed</h1>
        <p class="note">Custom feeds for Bluesky, served by <code>${identity.serviceDid}</code></p>
        ${feeds}
        <h2>Ingest</h2>
        ${ingestTable(health.ingestStatus())}
        <h2>Answers</h2>
        ${answersTable(health.answers)}
        <p class="note">
          tagfeed ${health.version} · <a href="/xrpc/_health">health</a> ·
          <a href="/ready">ready</a> · <a href="/metrics">metrics</a>
        </p>
      </body>
    </html> `
  return page.text
}

/**
 * One after the other, so that a page takes only a small part of what readers need, however many feeds
 * there are.
 */
async function feedSections(feeds: readonly RegisteredFeed[]): Promise<Html[]> {
  const endsAt = performance.now() + MAX_READING_MS
  let sliceEndsAt = performance.now() + SLICE_MS
  const sections: Html[] = []
  for (const registered of feeds) {
    if (performance.now() >= sliceEndsAt) {
      await nextTurn()
      sliceEndsAt = performance.now() + SLICE_MS
    }
    const isRead = performance.now() < endsAt
    const page = isRead ? await registered.feed.page(FIRST) : undefined
    sections.push(feedSection(registered, page))
  }
  return sections
}

const FIRST = { limit: PREVIEW, cursor: undefined }

function feedSection({ uri, feed }: RegisteredFeed, page: Page | undefined): Html {
  const { rkey, name, description } = feed.definition
  const { posts, times } = page ?? { posts: [], times: [] }
  const preview = posts.map((post, index) => {
    const indexedAt = times[index]
    const time = indexedAt === undefined ? 'pinned' : formatUs(indexedAt)
    return html`<li><a href="${appLink(post)}">${time}</a> <code>${post}</code></li>`
  })
  return html`<section id="feed-${rkey}">
    <h2>${name}</h2>
    <p class="note">${description}</p>
    <p class="note">
      <code>${uri}</code> ·
      <a href="/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(uri)}">skeleton</a>
    </p>
    ${
      preview.length === 0
        ? html`<p>${page === undefined ? 'Its posts are not shown here.' : 'No posts yet.'}</p>`
        : html`<ol>
            ${preview}
          </ol>`
    }
  </section> `
}

/** Where the Bluesky app shows a post. */
function appLink(uri: string): string {
  const { authority = '', rkey = '' } = parseAtUri(uri) ?? {}
  return `https://bsky.app/profile/${authority}/post/${rkey}`
}

function ingestTable(status: IngestStatus | undefined): Html {
  if (status === undefined) {
    return html`<p>Nothing to say: ingest is starting, or this process does not ingest.</p>`
  }
  const { connected, positionUs, lagMs, eventsTotal, rejectedTotal } = status
  const problem = problemOf(status)
  const rows: Row[] = [
    ['Stream', connected ? 'connected' : 'not connected'],
    ['Position', positionUs === undefined ? 'none yet' : formatUs(positionUs)],
    ['Behind', lagMs === undefined ? 'not known yet' : `${(lagMs / 1000).toFixed(1)} s`],
    ['Events read', eventsTotal],
    ['Frames rejected', rejectedTotal],
    ...(problem === undefined ? [] : ([['Problem', problem]] satisfies Row[])),
    ...(status.gap === undefined
      ? []
      : ([
          ['Gap', `${formatUs(status.gap.fromUs)} to ${formatUs(status.gap.toUs)} was not read`],
        ] satisfies Row[])),
  ]
  return table(rows)
}

function answersTable({ abandonedTotal, lateTotal, refusedTotal }: AnswerTotals): Html {
  return table([
    ['Nobody waited for them', abandonedTotal],
    ['Took over four seconds', lateTotal],
    ['Turned away for want of time', refusedTotal],
  ])
}

type Row = [name: string, value: string | number]

function table(rows: readonly Row[]): Html {
  return html`<table>
    ${rows.map(
      ([name, value]) =>
        html`<tr>
          <td>${name}</td>
          <td>${value}</td>
        </tr>`,
    )}
  </table>`
}
