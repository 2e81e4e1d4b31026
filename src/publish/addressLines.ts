/** Where people of the app find a feed, by the at-uri of its record. */
export function linkOf(uri: string): string {
  const [, , did, , rkey] = uri.split('/')
  return `https://bsky.app/profile/${did}/feed/${rkey}`
}

/** Both addresses of a feed, as lines below it. */
export function addressLines(uri: string): string[] {
  return [`    ${uri}`, `    ${linkOf(uri)}`]
}
