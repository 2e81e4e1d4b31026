import type { Registry, RegisteredFeed } from '../feeds/registry.ts'
import type { IngestStatus } from '../ingestStatus.ts'
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
  }
}

const PREVIEW = 5

const STYLE = html`body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem
auto;padding:0 1rem;color:#1b2430;background:#fff} h1{margin-bottom:0}h2{margin:2rem 0
0}code{font-size:.85em;overflow-wrap:anywhere}.note{color:#566;margin:.2rem 0}
ol{padding-left:1.4rem}table{border-collapse:collapse}td{padding:.1rem 1rem .1rem
0;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#dde4ec;background:#12171d}a{color:#8ab8ff}.note{color:#9aa}}`

/** The page for people: the feeds, a preview of each, the state of ingest. */
export async function homePage({ registry, identity, health }: HomePageOptions): Promise<string> {
  const feeds = await Promise.all((registry?.feeds ?? []).map(feedSection))
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
        <p class="note">
          tagfeed ${health.version} · <a href="/xrpc/_health">health</a> ·
          <a href="/ready">ready</a> · <a href="/metrics">metrics</a>
        </p>
      </body>
    </html> `
  return page.text
}

async function feedSection({ uri, feed }: RegisteredFeed): Promise<Html> {
  const { rkey, name, description } = feed.definition
  const { posts, times } = await feed.page({ limit: PREVIEW, cursor: undefined })
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
        ? html`<p>No posts yet.</p>`
        : html`<ol>
            ${preview}
          </ol>`
    }
  </section> `
}

/** Where the Bluesky app shows a post. */
function appLink(uri: string): string {
  const [did = '', , rkey = ''] = uri.slice('at://'.length).split('/')
  return `https://bsky.app/profile/${did}/post/${rkey}`
}

function ingestTable(status: IngestStatus | undefined): Html {
  if (status === undefined) {
    return html`<p>Nothing to tell: ingest is starting, or this process does not ingest.</p>`
  }
  const { connected, host, positionUs, lagMs, eventsTotal, rejectedTotal, problem } = status
  const rows: [string, string | number][] = [
    ['Stream', connected ? `connected to ${host ?? ''}` : 'not connected'],
    ['Position', positionUs === undefined ? 'none yet' : formatUs(positionUs)],
    ['Behind', lagMs === undefined ? 'not known yet' : `${(lagMs / 1000).toFixed(1)} s`],
    ['Events read', eventsTotal],
    ['Frames rejected', rejectedTotal],
    ...(problem === undefined ? [] : ([['Problem', problem]] as [string, string][])),
  ]
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
