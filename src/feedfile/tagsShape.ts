import { isSeq } from 'yaml'
import { TAG_LIST } from './definitions.ts'
import { mapShape } from './mapShape.ts'
import type { Field } from './mapShape.ts'
import { described } from './shape.ts'
import type { Entry, Shape } from './shape.ts'

const KEYS = {
  any: described(TAG_LIST, 'Posts with at least one of these.'),
  all: described(TAG_LIST, 'Posts with every one of these.'),
  none: described(TAG_LIST, 'Posts with one of these stay out.'),
}

const tagMap = mapShape(KEYS, {
  allowed: `a list of tags, or a map of ${Object.keys(KEYS).join(', ')}`,
  schema: {
    anyOf: ['any', 'all'].map((key) => ({
      required: [key],
      properties: { [key]: { minItems: 1 } },
    })),
  },
})

type TagList = Field<readonly Entry<string>[]>

export interface TagFields {
  readonly any?: TagList
  readonly all?: TagList
  readonly none?: TagList
}

/** The tags of a feed, by list or by map. */
export const tagsShape: Shape<TagFields> = {
  schema: {
    anyOf: [{ allOf: [TAG_LIST.schema], minItems: 1 }, tagMap.schema],
  },
  read(value) {
    const tags = isSeq(value.node)
      ? { any: { value: TAG_LIST.read(value), place: value } }
      : tagMap.read(value)
    if (tags !== undefined && isEmpty(tags.any) && isEmpty(tags.all)) {
      value.file.report(value, 'tags: no tag is named, allowed: at least one tag in any or all')
    }
    return tags
  },
}

/** A list of something else than a tag, or no list at all, is a problem of its own. */
function isEmpty(field: TagList | undefined): boolean {
  const node = field?.place.node
  return field === undefined || (isSeq(node) && node.items.length === 0)
}
