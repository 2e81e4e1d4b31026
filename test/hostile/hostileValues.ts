/** What nobody sends who means well: texts, JSON values and keys that break careless programs. */
import type { Random } from '../support/streamGenerator.ts'

/** JSON text that stands as it is: what no JavaScript value is written as. */
export class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', 'then'],
  ...[
    '',
    ' ',
    '\0',
    '$type',
    'did',
    'kind',
    'time_us',
    'reply',
    'facets',
    'tags',
    'features',
    'tag',
  ],
]

const TEXTS = [
  ...NAMES,
  ...['#', '##', ' # # ', '\u200b', '\ufeff', '\u202e', '\u0130', 'i\u0307\u0307', '\u03a3\u03c2'],
  ...[
    '\ufdfa',
    '\ud83d\ude00',
    '👨‍👩‍👧‍👦'.repeat(70),
    'a\u0301'.repeat(64),
    '٣٤',
    '２０２４',
    'ﬀ',
    '\u2028',
  ],
  ...['did:plc:', 'did:web:x', 'did:plc:../..', 'at://', 'at://did:plc:a/b/c', '..', '.', 'self'],
  ...["'; drop table post; --", '%00', '%', '$1', '\\', '"', '</script>', '{{7*7}}', '\r\n\r\n'],
  ...[
    '2024-02-30T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:60Z',
    '１９７０-01-01T00:00:00Z',
  ],
  ...['-000001-01-01T00:00:00Z', '2024-01-01T00:00:00.000000000000000001+23:59', 'Infinity', 'NaN'],
  ...['create', 'update', 'delete', 'commit', 'account', 'deleted', 'takendown', '2222222222222'],
  ...['app.bsky.feed.post', 'app.bsky.richtext.facet#tag', 'app.bsky.embed.recordWithMedia', 'und'],
  ...['en-', 'x', 'i-klingon', 'en-abcde-abcde', 'a-b-c-d', 'zh-Hant-TW-x-private'],
]

const RAWS = [
  ...['-0', '0.0', '1e400', '-1e400', '1e-400', '9007199254740993', '9223372036854775808', '1E3'],
  ...['1.5', '-1', '1e15', '0.1e1', `1${'0'.repeat(400)}`, '123456789.0000000001'],
  ...['"\\ud800"', '"\\udc00\\ud800"', '"a\\ud83d"', '"\\u0000"', '"\\u0000art"', '"\\/\\b\\f"'],
  ...['{"__proto__":{"tags":["x"]}}', '{"constructor":{"prototype":{"x":1}}}', '{"toString":null}'],
  ...[
    '{"a":1,"a":2,"a":[]}',
    '[[],[[]],{}]',
    '[null,null]',
    '{"length":-1}',
    '{"then":"x"}',
    '{"":{}}',
  ],
]

/** Half of all large things are of these sizes; a frame has few of them. */
const SIZES = [100, 1_000, 10_000]

export function hostileName(random: Random): string {
  return random.pick(NAMES)
}

export function hostileText(random: Random): string {
  const text = random.pick(TEXTS)
  switch (random.below(12)) {
    case 0:
      return text + random.pick(TEXTS)
    case 1:
      return text.repeat(random.below(40))
    case 2:
      return String.fromCharCode(...Array.from({ length: 12 }, () => random.below(0xffff)))
    case 3:
      return `tag${random.below(1_000)}`
    default:
      return text
  }
}

export function hostileValue(random: Random): unknown {
  switch (random.below(8)) {
    case 0:
      return random.pick([null, true, false, [], {}])
    case 1:
    case 2:
      return new Raw(random.pick(RAWS))
    case 3:
      return random.below(2 ** 31) * random.pick([1, -1, 1e9, 0.5])
    case 4:
      return Array.from({ length: random.below(6) }, () => hostileText(random))
    default:
      return hostileText(random)
  }
}

/** What is large: long texts and lists, many keys, deep nesting, thousands of tags and facets. */
export function largeValue(random: Random, size = random.pick(SIZES)): unknown {
  switch (random.below(7)) {
    case 0:
      return random
        .pick(['x', '#', ' ', '\u0301', '\u200b', '👩‍👩', '-abcde', '\0', '"'])
        .repeat(size)
    case 1:
      return new Raw('['.repeat(size) + ']'.repeat(size))
    case 2:
      return new Raw(`${'{"a":'.repeat(size)}1${'}'.repeat(size)}`)
    case 3:
      return Array.from({ length: size / 10 }, (_, index) => `t${index}`)
    case 4:
      return Array.from({ length: size / 10 }, (_, index) => facetOf(`t${index % 300}`))
    case 5:
      return new Raw(`{${Array.from({ length: size / 10 }, (_, n) => `"k${n}":${n}`).join(',')}}`)
    default:
      return Array.from({ length: size / 10 }, () => random.pick(TEXTS))
  }
}

function facetOf(tag: unknown): unknown {
  return {
    features: [{ $type: 'app.bsky.richtext.facet#tag', tag }],
    index: { byteStart: 0, byteEnd: 1 },
  }
}
