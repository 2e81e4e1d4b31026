import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A file that every page uses. */
export interface Asset {
  readonly path: string
  readonly type: string
  readonly body: Buffer
  readonly cacheControl: string
}

const DAY_SECONDS = 86_400
/** What has its digest in its name never changes. */
export const FOR_EVER = `public, max-age=${365 * DAY_SECONDS}, immutable`

const stylesheet = readFileSync(new URL('style.css', import.meta.url))
const digest = createHash('sha256').update(stylesheet).digest('hex').slice(0, 16)

export const STYLE_PATH = `/style-${digest}.css`

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#5b45c9"/><path d="M12.5 7 10 25M22 7l-2.500 18M7 12.500h19M6 19.500h19" stroke="#fff" stroke-width="2.800" stroke-linecap="round" fill="none"/></svg>`

/** What the query methods return is for programs, and each attempt at `/try` costs work. */
const ROBOTS = 'User-agent: *\nDisallow: /xrpc/\nDisallow: /try\nDisallow: /explain\n'

export const ASSETS: readonly Asset[] = [
  { path: STYLE_PATH, type: 'text/css; charset=utf-8', body: stylesheet, cacheControl: FOR_EVER },
  {
    path: '/favicon.ico',
    type: 'image/svg+xml',
    body: Buffer.from(ICON),
    cacheControl: `public, max-age=${DAY_SECONDS}`,
  },
  {
    path: '/robots.txt',
    type: 'text/plain; charset=utf-8',
    body: Buffer.from(ROBOTS),
    cacheControl: `public, max-age=${DAY_SECONDS}`,
  },
]
