import type { FeedDefinition } from '../feeds/feedDefinition.ts'
import type { PictureBlob } from '../pds/blob.ts'
import { cidOfBlob, isObject } from '../pds/json.ts'
import type { Json, JsonObject } from '../pds/json.ts'
import { GENERATOR } from '../pds/storedRecord.ts'

/** What the feeds file says of one record. A field that it does not give is absent. */
export interface WantedRecord {
  readonly rkey: string
  readonly fields: JsonObject
  readonly avatar: PictureBlob | undefined
}

/** The fields that a feeds file may leave out; what the record has of them then stays. */
export const OPTIONAL_FIELDS = [
  'description',
  'avatar',
  'contentMode',
  'acceptsInteractions',
] as const
export type OptionalField = (typeof OPTIONAL_FIELDS)[number]

const CONTENT_MODES = { video: 'app.bsky.feed.defs#contentModeVideo' }

/** The fields of a feed's record that follow from its definition. */
export function wantedRecord(
  definition: FeedDefinition,
  serviceDid: string,
  avatar: PictureBlob | undefined,
): WantedRecord {
  const { rkey, name, description, contentMode, acceptsInteractions } = definition
  return {
    rkey,
    avatar,
    fields: {
      did: serviceDid,
      displayName: name,
      // The reader of the file gives an absent description as an empty one.
      ...(description === '' ? {} : { description }),
      ...(avatar === undefined ? {} : { avatar: avatar.blob }),
      ...(contentMode === undefined ? {} : { contentMode: CONTENT_MODES[contentMode] }),
      ...(acceptsInteractions === undefined ? {} : { acceptsInteractions }),
    },
  }
}

export interface MergeOptions {
  /** For a record that is not there yet. */
  readonly createdAt: string
  /** Fields to take out of the record when the feeds file does not give them. */
  readonly cleared: ReadonlySet<OptionalField>
}

/** The record as it is to be: what is wanted over what is there, and all else left as it is. */
export function mergeRecord(
  current: JsonObject | undefined,
  { fields }: WantedRecord,
  { createdAt, cleared }: MergeOptions,
): JsonObject {
  const kept = Object.entries(current ?? {}).filter(
    ([field]) => field !== '$type' && !cleared.has(field as OptionalField),
  )
  const merged = withoutForeignFacets(
    { $type: GENERATOR, ...Object.fromEntries(kept), ...fields },
    current,
  )
  const dated = Object.hasOwn(merged, 'createdAt') ? merged : { ...merged, createdAt }
  // The same picture may be named in another way, for example with another type: it stays as it is.
  const isSameAvatar = cidOfBlob(current?.['avatar']) === cidOfBlob(fields['avatar'])
  return current?.['avatar'] !== undefined && fields['avatar'] !== undefined && isSameAvatar
    ? { ...dated, avatar: current['avatar'] }
    : dated
}

/**
 * Facets are links and mentions at places of one text: over another one they would lead readers where
 * nobody meant to. The feeds file gives none, so that those of a changed description go with it.
 */
function withoutForeignFacets(merged: JsonObject, current: JsonObject | undefined): JsonObject {
  const { descriptionFacets: facets, ...rest } = merged
  const { description } = rest
  const isSameText = description === current?.['description'] && typeof description === 'string'
  return facets === undefined || (isSameText && fits(facets, Buffer.byteLength(description)))
    ? merged
    : rest
}

/** Whether all facets lie within a text of so many bytes. */
function fits(facets: Json, bytes: number): boolean {
  const places = (Array.isArray(facets) ? facets : []).map((facet: unknown) =>
    isObject(facet) ? facet['index'] : undefined,
  )
  return places.every((place) => {
    const end = isObject(place) ? place['byteEnd'] : undefined
    return typeof end !== 'number' || end <= bytes
  })
}
