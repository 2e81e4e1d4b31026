import { parseAtUri } from '../../texts/parseAtUri.ts'

/** Where the app shows a post. */
export function postUrl(uri: string): string {
  const { authority = '', rkey = '' } = parseAtUri(uri) ?? {}
  return `https://bsky.app/profile/${authority}/post/${rkey}`
}
