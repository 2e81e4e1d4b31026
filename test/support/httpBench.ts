import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import type { RunningApp } from './runApp.ts'

export const DESCRIBE = '/xrpc/app.bsky.feed.describeFeedGenerator'

export const SCRIPT = '<script>x</script>'
const SPOILT = '"><img src=x onerror=alert(1)> & \'tis'
export const feeds = `feeds:
  - { rkey: art, name: Art of today, description: Pictures, tags: [art] }
  - { rkey: spoilt, name: "${SCRIPT}", description: ${JSON.stringify(SPOILT)}, tags: [none] }
`

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** A request whose path goes out as it is: `fetch` would mend it. */
export function send(
  app: RunningApp,
  path: string,
  { method = 'GET', headers = {}, body = '' } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(app.url)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { hostname, port, path, method, headers, agent: false },
      (incoming) => {
        let text = ''
        incoming.setEncoding('utf8')
        incoming.on('data', (chunk) => (text += String(chunk)))
        incoming.once('error', reject)
        incoming.once('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }),
        )
      },
    )
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

/** What is wrong with an error: each is JSON with a name and a message, and tells nothing of the inside. */
export function errorFaults({ status, headers, text }: Answer, ...expected: number[]): string[] {
  const body = parseObject(text)
  const isInside = /<html|<!doctype|<pre|node_modules|\/src\/|\n\s+at /i.test(text)
  const isJson = String(headers['content-type']).startsWith('application/json')
  const members = Object.keys(body ?? {}).sort()
  const faults = [
    ...(expected.includes(status) ? [] : [`status ${status}`]),
    ...(isJson ? [] : [`content-type ${headers['content-type']}`]),
    ...(isInside ? ['tells of the inside'] : []),
    ...(members.join() === 'error,message' ? [] : [`members ${members.join()}`]),
    ...(/^[A-Za-z]+$/.test(textOf(body?.['error'])) ? [] : ['no error name']),
    ...(/\S/.test(textOf(body?.['message'])) ? [] : ['no message']),
  ]
  return faults.length === 0 ? [] : [...faults, `body: ${text}`]
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    // What is no JSON has no members: that is told as a fault.
    return undefined
  }
}

/** A position of `secondsAgo`, in microseconds. */
export const ago = (secondsAgo: number): number =>
  (Date.now() - Math.round(secondsAgo * 1000)) * 1000
