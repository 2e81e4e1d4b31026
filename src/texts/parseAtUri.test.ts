import { expect, test } from 'vitest'
import { parseAtUri } from './parseAtUri.ts'

test('an at-uri of a record is taken apart, and no other text is', () => {
  expect(parseAtUri('at://did:plc:a/app.bsky.feed.post/3k')).toEqual({
    authority: 'did:plc:a',
    collection: 'app.bsky.feed.post',
    rkey: '3k',
  })
  for (const text of ['', 'at://', 'at://did:plc:a', 'at://a/b', 'at://a/b/c/', 'https://a/b/c']) {
    expect(parseAtUri(text)).toBeUndefined()
  }
})
