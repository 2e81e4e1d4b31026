import { formatExactUs } from '../time.ts'
import type { ActivityEvent } from './activityEvent.ts'

const METHOD = 'app.tagfeed.subscribePosts'

/** A frame of `xrpc.v1.json`: JSON text (proposal 0015 of Bluesky). */
export function eventFrame(event: ActivityEvent, record: unknown): string {
  const { seq, kind, did } = event
  const at = formatExactUs(event.atUs)
  if (event.kind === 'account') {
    const { active, status } = event
    return frameOf(kind, { seq, at, did, active, ...(status !== undefined && { status }) })
  }
  const { uri, tags, cid } = event
  const change = { seq, at, uri, author: did, tags, ...(cid !== undefined && { cid }) }
  return frameOf(kind, { ...change, ...(record !== undefined && { record }) })
}

export function infoFrame(name: string, message: string): string {
  return frameOf('info', { name, message })
}

export function errorFrame(error: string, message: string): string {
  return JSON.stringify({ $type: 'error', error, message })
}

function frameOf(kind: string, payload: object): string {
  return JSON.stringify({ $type: 'message', payload: { $type: `${METHOD}#${kind}`, ...payload } })
}
