import { STYLE_PATH } from './assets.ts'
import { html } from './html.ts'
import type { Html, Part } from './html.ts'
import type { ServiceState } from './serviceState.ts'

/** What all pages of a service have in common. */
export interface Site {
  readonly version: string
  readonly serviceDid: string
  /** Where the service is known, without a slash at the end. */
  readonly endpoint: string
  readonly privacyPolicyUrl?: string | undefined
  readonly termsOfServiceUrl?: string | undefined
  /** Which pages there are beside the feeds: path and name, in the order of the bar. */
  readonly pages: readonly (readonly [path: string, name: string])[]
}

export interface PageParts {
  readonly site: Site
  readonly state: ServiceState
  /** The page, below the name of the service. */
  readonly title: string
  readonly description: string
  /** Without the host; also marks the entry of the bar that the page belongs to. */
  readonly path: string
  /** A picture for whoever shows a link to the page, as a path. */
  readonly picture?: string | undefined
  /** The same as feeds for programs: title, type, path. */
  readonly alternates?: readonly (readonly [title: string, type: string, path: string])[]
  /** Not for search engines. */
  readonly isHidden?: boolean
  readonly main: Part
}

const LEVEL_WORDS = {
  good: 'All is well',
  warn: 'Something is wrong',
  bad: 'Something is missing',
} as const

/** A whole page: the bar, what the page has to say, the end. */
export function pageFrame(parts: PageParts): string {
  const { site, state, title, description, path, picture, alternates = [], isHidden, main } = parts
  const whole = title === 'tagfeed' ? title : `${title} · tagfeed`
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${whole}</title>
        <meta name="description" content="${description}" />
        <meta property="og:site_name" content="tagfeed" />
        <meta property="og:type" content="website" />
        <meta property="og:title" content="${title}" />
        <meta property="og:description" content="${description}" />
        <meta property="og:url" content="${site.endpoint}${path}" />
        ${picture && html`<meta property="og:image" content="${site.endpoint}${picture}" />`}
        ${isHidden ? html`<meta name="robots" content="noindex" />` : undefined}
        <link rel="stylesheet" href="${STYLE_PATH}" />
        <link rel="icon" href="/favicon.ico" type="image/svg+xml" />
        ${alternates.map(
          ([name, type, href]) =>
            html`<link rel="alternate" type="${type}" title="${name}" href="${href}" />`,
        )}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="bar">
          <a class="name" href="/">tagfeed</a>
          <nav aria-label="Pages">
            ${site.pages.map(([href, name]) => barLink(href, name, path))}
          </nav>
          <a
            class="state ${state.level}"
            href="/status"
            aria-label="${LEVEL_WORDS[state.level]}: ${state.words}"
            >${state.words}</a
          >
        </header>
        ${state.sentence && html`<p class="trouble ${state.level}" role="status">${state.sentence}</p>`}
        <main id="main" tabindex="-1">${main}</main>
        ${footer(site)}
      </body>
    </html> `.text
}

function barLink(href: string, name: string, path: string): Html {
  const isHere = href === '/' ? path === '/' || path.startsWith('/feeds/') : path.startsWith(href)
  return isHere
    ? html`<a href="${href}" aria-current="${path === href ? 'page' : 'true'}">${name}</a>`
    : html`<a href="${href}">${name}</a>`
}

function footer({ version, serviceDid, privacyPolicyUrl, termsOfServiceUrl }: Site): Html {
  return html`<footer>
    <p>tagfeed ${version}, custom feeds for Bluesky, served by <code>${serviceDid}</code></p>
    <p>
      <a href="/ready">ready</a>
      <a href="/xrpc/_health">health</a>
      <a href="/xrpc/app.bsky.feed.describeFeedGenerator">feeds as JSON</a>
      ${privacyPolicyUrl && html`<a href="${privacyPolicyUrl}">privacy</a>`}
      ${termsOfServiceUrl && html`<a href="${termsOfServiceUrl}">terms</a>`}
    </p>
  </footer>`
}
