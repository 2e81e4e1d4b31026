import { timeLimit } from '../identity/timeLimit.ts'
import { explainFault } from './faults.ts'
import type { Fault } from './faults.ts'

/** What came back, whatever its status. */
export interface Reply {
  readonly ok: true
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** From the request to the last byte. */
  readonly ms: number
  /** How far the server's clock is ahead of ours, to about a second; undefined when it does not tell. */
  readonly aheadMs: number | undefined
}

export type Answer = Reply | { readonly ok: false; readonly url: string; readonly fault: Fault }

export interface AskOptions {
  /** Default: 10 s. */
  readonly timeoutMs?: number
}

/** Sends a GET request; never throws, and always ends in time. Redirects are answers like others. */
export type Ask = (url: string, options?: AskOptions) => Promise<Answer>

const TIMEOUT_MS = 10_000
/** More than any answer that the doctor asks for; a page of 100 posts is about 10 KB. */
const MAX_BYTES = 4 * 1024 * 1024

/** Asks until the signal aborts: from then on every answer is a fault. */
export function createAsk(signal: AbortSignal): Ask {
  return async (url, { timeoutMs = TIMEOUT_MS } = {}) => {
    const startedMs = Date.now()
    try {
      const response = await fetch(url, {
        signal: AbortSignal.any([signal, timeLimit(timeoutMs)]),
        redirect: 'manual',
        headers: { accept: 'application/json', 'user-agent': 'tagfeed-doctor' },
      })
      const text = await readText(response)
      if (text === undefined) {
        const reason = `the answer is larger than ${MAX_BYTES} bytes`
        const advice = 'check which program answers there'
        return { ok: false, url, fault: { kind: 'tooLarge', reason, advice } }
      }
      const { status, headers } = response
      const nowMs = Date.now()
      const aheadMs = readAhead(headers.get('date'), startedMs, nowMs)
      return { ok: true, url, status, headers, text, ms: nowMs - startedMs, aheadMs }
    } catch (error) {
      return { ok: false, url, fault: explainFault(error, timeoutMs) }
    }
  }
}

/** Undefined when it is too large. */
async function readText(response: Response): Promise<string | undefined> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_BYTES) {
      // Leaving the loop cancels the rest.
      return undefined
    }
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** `Date` has whole seconds, and was written at some moment between the two: the distance to that span. */
function readAhead(date: string | null, startedMs: number, endedMs: number): number | undefined {
  const earliestMs = Date.parse(date ?? '')
  if (Number.isNaN(earliestMs)) {
    return undefined
  }
  const latestMs = earliestMs + 1_000
  if (earliestMs > endedMs) {
    return earliestMs - endedMs
  }
  return latestMs < startedMs ? latestMs - startedMs : 0
}
