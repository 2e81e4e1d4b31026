/** A seeded fuzzer of Jetstream frames: good events with something wrong, and plain rubbish. */
import {
  accountEvent,
  createPost,
  deletePost,
  did,
  identityEvent,
  tid,
  updatePost,
} from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import type { Frame } from '../support/jetstreamServer.ts'
import type { Random } from '../support/streamGenerator.ts'
import { Raw, hostileName, hostileText, hostileValue, largeValue } from './hostileValues.ts'

/** An object as its members in order: keys may repeat, and `__proto__` is a key like any other. */
interface Members {
  members: [key: string, value: Node][]
}
type Node = Members | Node[] | Raw | string | number | boolean | null

const TAG = 'app.bsky.richtext.facet#tag'
const ACCOUNTS = 40
const RECORDS = 200
/** Ahead of those who write the good posts. */
const FIRST_ACCOUNT = 1_000

/** One frame after the other; `timeUs` is where the log of the server files it. */
export function hostileFrame(random: Random, timeUs: number): Frame {
  const kind = random.below(100)
  if (kind < 12) {
    return { timeUs, data: rubbish(random, timeUs), binary: random.chance(0.2) }
  }
  const root = toNode(goodEvent(random, timeUs))
  const count = 1 + random.below(4)
  for (let index = 0; index < count; index += 1) {
    mutate(random, root)
  }
  if (random.chance(0.004)) {
    grow(random, root, random.pick([10_000, 100_000, 1_000_000]))
  }
  return { timeUs, data: Buffer.from(toJson(root)), binary: false }
}

function goodEvent(random: Random, timeUs: number): JetstreamEvent {
  const author = did(FIRST_ACCOUNT + random.below(ACCOUNTS))
  const rkey = tid(random.below(RECORDS))
  const common = { timeUs, did: author, rkey, rev: tid(timeUs, random.below(1024)) }
  switch (random.below(10)) {
    case 0:
      return deletePost(common)
    case 1:
      return identityEvent({ timeUs, did: author })
    case 2:
      return accountEvent({
        timeUs,
        did: author,
        active: random.chance(0.7),
        ...(random.chance(0.5) && { status: random.pick(['deleted', 'takendown', 'suspended']) }),
      })
    case 3:
      return updatePost({ ...common, tags: ['hostile'] })
    default:
      return createPost({
        ...common,
        tags: ['hostile', 'two'],
        record: {
          tags: ['three'],
          labels: { $type: 'com.atproto.label.defs#selfLabels', values: [{ val: 'porn' }] },
          embed: {
            $type: 'app.bsky.embed.recordWithMedia',
            media: { $type: 'app.bsky.embed.images', images: [] },
          },
        },
      })
  }
}

/** A place in the event that can be changed. */
interface Place {
  readonly parent: Members | Node[]
  readonly index: number
}

function placesOf(node: Node, found: Place[] = []): Place[] {
  const list = Array.isArray(node) ? node : isMembers(node) ? node.members : []
  for (const [index, entry] of list.entries()) {
    found.push({ parent: node as Members | Node[], index })
    placesOf(isMembers(node) ? (entry as [string, Node])[1] : entry, found)
  }
  return found
}

function mutate(random: Random, root: Node): void {
  const places = placesOf(root)
  if (places.length === 0) {
    return
  }
  const { parent, index } = random.pick(places)
  const list = listOf(parent)
  const value = valueAt({ parent, index })
  const put = (next: unknown): void => setAt({ parent, index }, next)
  switch (random.below(12)) {
    case 0:
      list.splice(index, 1)
      break
    case 1:
      list.splice(
        random.below(list.length),
        0,
        (isMembers(parent)
          ? [parent.members[index]?.[0] ?? '', copy(value)]
          : copy(value)) as never,
      )
      break
    case 2:
      put(toNode([value]))
      break
    case 3:
      put({ members: [[hostileName(random), value]] } satisfies Members)
      break
    case 4:
      if (isMembers(parent)) {
        ;(parent.members[index] as [string, Node])[0] = hostileName(random)
      }
      break
    case 5:
      if (isMembers(parent)) {
        const key = random.chance(0.5) ? hostileName(random) : parent.members[index]?.[0]
        parent.members.push([key ?? '', toNode(hostileValue(random))])
      }
      break
    case 6:
      put(copy(valueAt(random.pick(places))))
      break
    case 7:
      put(typeof value === 'string' ? value + hostileText(random) : toJson(value))
      break
    case 8:
      put(typeof value === 'number' ? value * random.pick([-1, 1.5, 1e6, 1e-6, 0]) : 7)
      break
    default:
      put(toNode(random.chance(0.02) ? largeValue(random) : hostileValue(random)))
  }
}

/** Puts something large in the place where it hurts: a member of the record, mostly. */
function grow(random: Random, root: Node, size: number): void {
  const places = placesOf(root)
  if (places.length > 0) {
    setAt(random.pick(places), toNode(largeValue(random, size)))
  }
}

function rubbish(random: Random, timeUs: number): Buffer {
  const good = Buffer.from(JSON.stringify(goodEvent(random, timeUs)))
  const bytes = Buffer.from(Array.from({ length: 1 + random.below(60) }, () => random.below(256)))
  switch (random.below(9)) {
    case 0:
      return bytes
    case 1:
      return good.subarray(0, random.below(good.length))
    case 2:
      return Buffer.concat([good, bytes])
    case 3:
      bytes.copy(good, random.below(good.length))
      return good
    case 4:
      return Buffer.concat([Buffer.from('\ufeff'), good])
    case 5:
      return Buffer.concat([good, good])
    case 6:
      return Buffer.from(
        random.pick(['', ' ', '\0', 'null', '[]', '{}', '"x"', '1', '[{}]', '{"', 'NaN']),
      )
    case 7:
      return Buffer.concat([Buffer.alloc(random.below(5_000), 32), good])
    default:
      good[random.below(good.length)] = random.below(256)
      return good
  }
}

/** What no record of a real host is, and yet fits into a frame that is read; by what is large. */
export function monsters(timeUs: number): Record<string, Frame[]> {
  let nextUs = timeUs
  const frame = (record: Record<string, unknown>, author = did(FIRST_ACCOUNT)): Frame => {
    nextUs += 1_000
    const event = createPost({ timeUs: nextUs, did: author, record })
    return { timeUs: nextUs, data: Buffer.from(toJson(toNode(event))), binary: false }
  }
  const many = <T>(length: number, item: (index: number) => T): T[] =>
    Array.from({ length }, (_, index) => item(index))
  const deep = new Raw('['.repeat(1_000_000) + ']'.repeat(1_000_000))
  const tags = ['hostile']
  return {
    languages: [
      frame({ tags, langs: [`en${'-abcde'.repeat(900_000)}`] }),
      frame({ tags, langs: [`x${'-a'.repeat(3_500_000)}`] }),
    ],
    'numbers of facets and tags': [
      frame({ tags, facets: many(100_000, (n) => ({ features: [{ $type: TAG, tag: `t${n}` }] })) }),
      frame({ tags: ['hostile', ...many(100_000, (n) => n.toString(36))] }),
      frame({ tags: many(500_000, () => 'hostile') }),
      frame({ tags, labels: { values: many(500_000, () => ({ val: 'x' })) } }),
    ],
    'texts and depths': [
      frame({ tags: ['hostile', 'x'.repeat(5_000_000), `a${'\u0301'.repeat(1_000_000)}`] }),
      frame({ tags, text: 'x'.repeat(7_000_000) }),
      frame({ tags, facets: deep, embed: deep, reply: null }),
    ],
    'rows that are made of one frame': [
      frame(
        { tags: ['hostile', ...many(60_000, (n) => n.toString(36).padStart(4, '0'))] },
        `did:web:${'a'.repeat(2_000)}`,
      ),
    ],
  }
}

function listOf(parent: Members | Node[]): Node[] | [string, Node][] {
  return Array.isArray(parent) ? parent : parent.members
}

function valueAt({ parent, index }: Place): Node {
  const value = Array.isArray(parent) ? parent[index] : parent.members[index]?.[1]
  return value ?? null
}

function setAt({ parent, index }: Place, value: unknown): void {
  if (Array.isArray(parent)) {
    parent[index] = value as Node
  } else if (parent.members[index] !== undefined) {
    parent.members[index][1] = value as Node
  }
}

function isMembers(node: Node): node is Members {
  return typeof node === 'object' && node !== null && 'members' in node
}

/** Shares nothing with the node: an event that holds itself has no end. */
function copy(node: Node): Node {
  if (Array.isArray(node)) {
    return node.map(copy)
  }
  return isMembers(node)
    ? { members: node.members.map(([key, value]): [string, Node] => [key, copy(value)]) }
    : node
}

/** A copy that can be changed; what is no JSON becomes null. */
function toNode(value: unknown): Node {
  if (Array.isArray(value)) {
    return value.map(toNode)
  }
  if (value instanceof Raw || typeof value === 'string' || typeof value === 'boolean') {
    return value
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value : new Raw('1e999')
  }
  if (typeof value !== 'object' || value === null) {
    return null
  }
  if ('members' in value) {
    return value as Members
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return { members: members.map(([key, member]): [string, Node] => [key, toNode(member)]) }
}

function toJson(node: Node): string {
  if (node instanceof Raw) {
    return node.text
  }
  if (Array.isArray(node)) {
    return `[${node.map(toJson).join(',')}]`
  }
  return isMembers(node)
    ? `{${node.members.map(([key, value]) => `${JSON.stringify(key)}:${toJson(value)}`).join(',')}}`
    : JSON.stringify(node)
}
