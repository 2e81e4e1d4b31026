import { isObject } from '../pds/json.ts'
import type { JsonObject } from '../pds/json.ts'
import { excerpt, quoteExcerpt } from '../texts/quote.ts'
import type { Reply } from './ask.ts'

/** A JSON object, or why there is none, in words that follow the name of what was asked. */
export type Json =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly problem: string }

/** Reads an answer that has to be JSON; the status is for the caller to judge. */
export function readJson({ headers, text }: Reply): Json {
  const type = headers.get('content-type') ?? ''
  if (/^\s*<(?:!doctype|html|head|body|\?xml)/iu.test(text) || /\bhtml\b/iu.test(type)) {
    return { ok: false, problem: `is HTML instead of JSON: ${quoteExcerpt(readTitle(text))}` }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // What the parser says about it helps nobody; its beginning does.
    return { ok: false, problem: text === '' ? 'is empty' : `is no JSON: ${quoteExcerpt(text)}` }
  }
  return isObject(value)
    ? { ok: true, value }
    : { ok: false, problem: `is no JSON object: ${quoteExcerpt(text)}` }
}

/** What the AppView takes for JSON. */
export function hasJsonType({ headers }: Reply): boolean {
  return /^application\/json\b/iu.test(headers.get('content-type') ?? '')
}

/** An answer that is no success: its status, and the error and message of XRPC where it has them. */
export function describeError(reply: Reply): string {
  const { status, headers } = reply
  const location = headers.get('location')
  if (status >= 300 && status < 400) {
    return `HTTP ${status}, a redirect to ${quoteExcerpt(location)}`
  }
  const json = readJson(reply)
  if (!json.ok) {
    return reply.text === '' ? `HTTP ${status}` : `HTTP ${status}, and ${json.problem}`
  }
  const parts = [json.value['error'], json.value['message']].filter(
    (part) => typeof part === 'string',
  )
  return parts.length === 0 ? `HTTP ${status}` : `HTTP ${status} ${excerpt(parts.join(': '))}`
}

function readTitle(html: string): string {
  return /<title[^>]*>([^<]*)/iu.exec(html)?.[1]?.trim() || html
}
