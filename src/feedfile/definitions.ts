/** Shapes that stand in the feeds file more than once: the schema defines each once and refers to it. */
import {
  decodeDid,
  decodeFeatured,
  decodePostUri,
  decodeRkey,
  decodeTag,
  POST,
} from './feedFileTexts.ts'
import { described, listShape, textShape } from './shape.ts'
import type { JsonSchema, Shape } from './shape.ts'

const DID_PATTERN = 'did:(plc|web):[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]'
const RKEY_PATTERN = '[A-Za-z0-9._:~-]{1,512}'
const POST_PATTERN = `at://${DID_PATTERN}/${POST.replaceAll('.', '\\.')}/${RKEY_PATTERN}`

const did = described(
  textShape(decodeDid, { pattern: `^${DID_PATTERN}$` }),
  'The DID of an account: did:plc:… or did:web:…; handles can change.',
)
const post = described(
  textShape(decodePostUri, { pattern: `^${POST_PATTERN}$` }),
  'The at-uri of a post, with the DID of its author.',
)
const tagList = listShape(textShape(decodeTag, { minLength: 1 }), {
  allowed: 'a list of tags, such as [art, artwork]',
})

/** The same shape, as what the schema defines under a name. */
export function refer<T>(name: string, shape: Shape<T>): Shape<T> {
  return { ...shape, schema: { $ref: `#/definitions/${name}` } }
}

export const RKEY = textShape(decodeRkey, { pattern: `^(?!\\.{1,2}$)${RKEY_PATTERN}$` })
export const DID = refer('did', did)
export const POST_URI = refer('post', post)
export const TAG_LIST = refer('tagList', tagList)
export const POST_OR_DID: Shape<string> = {
  ...textShape(decodeFeatured),
  schema: { anyOf: [DID.schema, POST_URI.schema] },
}

export const DEFINITIONS: Readonly<Record<string, JsonSchema>> = {
  tagList: tagList.schema,
  did: did.schema,
  post: post.schema,
}
