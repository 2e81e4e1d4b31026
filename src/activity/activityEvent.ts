import { ACTIVITY, wordOf } from '../posts/storedCodes.ts'
import type { ActivityKind } from '../posts/storedCodes.ts'
import type { Us } from '../time.ts'
import type { ActivityRow } from './activityStatements.ts'

export type PostEventKind = Exclude<ActivityKind, 'account'>

interface Event {
  readonly seq: number
  readonly atUs: Us
  readonly did: string
  /** Whether it may be shown now. */
  readonly isShown: boolean
}

/** A change of a post that is kept. */
export interface PostEvent extends Event {
  readonly kind: PostEventKind
  readonly uri: string
  /** Canonical; after the change, for a delete before it. */
  readonly tags: readonly string[]
  /** Before an update that has changed them. */
  readonly tagsBefore: readonly string[] | undefined
  readonly cid: string | undefined
}

/** An account with posts here was hidden, shown or deleted. */
export interface AccountEvent extends Event {
  readonly kind: 'account'
  readonly active: boolean
  readonly status: string | undefined
}

export type ActivityEvent = PostEvent | AccountEvent

/** Undefined for a row of a later version. */
export function toEvent(row: ActivityRow): ActivityEvent | undefined {
  const { seq, at_us: atUs, did, rkey, cid, tags, tags_before, active, status } = row
  const kind = wordOf(ACTIVITY, row.kind)
  const event = { seq, atUs, did, isShown: row.shown === 1 }
  if (kind === undefined) {
    return undefined
  }
  return kind === 'account'
    ? { ...event, kind, active: active === 1, status: status ?? undefined }
    : {
        ...event,
        kind,
        uri: `at://${did}/app.bsky.feed.post/${rkey ?? ''}`,
        tags: JSON.parse(tags ?? '[]') as string[],
        tagsBefore: tags_before === null ? undefined : (JSON.parse(tags_before) as string[]),
        cid: cid ?? undefined,
      }
}

export interface TagQuery {
  /** Canonical, each once. */
  readonly tags: readonly string[]
  readonly match: 'any' | 'all'
}

/** Whether an event has the tags of a query, before or after it: so that one sees a post leave. */
export function matchesTags({ tags, match }: TagQuery, event: PostEvent): boolean {
  const sets = event.tagsBefore === undefined ? [event.tags] : [event.tags, event.tagsBefore]
  return sets.some((set) =>
    match === 'any'
      ? tags.some((tag) => set.includes(tag))
      : tags.every((tag) => set.includes(tag)),
  )
}
