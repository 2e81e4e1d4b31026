/** Good events spoilt in every way that makes a frame a bad one (contract, section 4). */
import type { JetstreamEvent } from '../support/events.ts'
import type { Frame } from '../support/jetstreamServer.ts'
import type { Random } from '../support/streamGenerator.ts'

/** Answers the frame's bytes, or what they are the JSON of. */
type Spoil = (event: Readonly<Record<string, unknown>>) => unknown

const withFields =
  (fields: Record<string, unknown>): Spoil =>
  (event) => ({ ...event, ...fields })
const inside =
  (part: 'commit' | 'account', name: string) =>
  (value: unknown): Spoil =>
  (event) => ({ ...event, [part]: { ...(event[part] as object), [name]: value } })

const NO_TIMES = [0, -5, 1.5, '1700000000000000', null, undefined, 2 ** 53]
const NO_DIDS = [undefined, 7, '', 'did:', 'alice.example.com', 'did:plc:', 'did:plc:a/b']
const NO_EVENTS = ['', 'null', '7', '"text"', '[]', '{}', '{"kind":"commit"}', '{"did":"did:plc:']
const NO_REVS = ['', 'x', undefined, 9, '3kaaaaaaaaaa', 'zkaaaaaaaaaaa', '3KAAAAAAAAAAA']

const ANY: readonly Spoil[] = [
  ...NO_TIMES.map((time_us) => withFields({ time_us })),
  ...NO_DIDS.map((did) => withFields({ did })),
  ...NO_EVENTS.map((text) => () => text),
  (event) => JSON.stringify(event).slice(0, -3),
  (event) => `${JSON.stringify(event)}}`,
  (event) => [event],
  () => Buffer.from('28b52ffd2004', 'hex'),
]
const COMMIT: readonly Spoil[] = [
  withFields({ commit: undefined }),
  withFields({ commit: ['create'] }),
  ...['move', undefined, 'CREATE', 3].map(inside('commit', 'operation')),
  // The server holds back what names another collection.
  ...['', 5, undefined].map(inside('commit', 'collection')),
  ...['', '.', '..', 'a/b', 'ä', undefined, 'x'.repeat(513)].map(inside('commit', 'rkey')),
  ...NO_REVS.map(inside('commit', 'rev')),
]
const PUT: readonly Spoil[] = [
  ...[undefined, null, 'text', [], 3].map(inside('commit', 'record')),
  ...[undefined, null, '', 'short', 'bafy-reiabcdefgh', 'x'.repeat(257)].map(
    inside('commit', 'cid'),
  ),
  (event) => Buffer.from(JSON.stringify(event).replace('"facets"', '"\u00ff\u00fe"'), 'latin1'),
]
const ACCOUNT: readonly Spoil[] = [
  withFields({ account: undefined }),
  ...[undefined, 'false', 0, null].map(inside('account', 'active')),
  ...[undefined, 'did:plc:somebodyelse'].map(inside('account', 'did')),
]

function spoilsOf(event: JetstreamEvent): readonly Spoil[] {
  if (event.kind !== 'commit') {
    return event.kind === 'account' ? [...ANY, ...ACCOUNT] : ANY
  }
  return event.commit.operation === 'delete' ? [...ANY, ...COMMIT] : [...ANY, ...COMMIT, ...PUT]
}

/** The frame would change the feeds if it were taken. */
export function badFrame(event: JetstreamEvent, random: Random): Frame {
  const spoilt = random.pick(spoilsOf(event))({ ...event })
  const timeUs = event.time_us
  if (Buffer.isBuffer(spoilt)) {
    return { timeUs, data: spoilt, binary: spoilt[0] !== 0x7b }
  }
  return { timeUs, data: typeof spoilt === 'string' ? spoilt : JSON.stringify(spoilt) }
}
