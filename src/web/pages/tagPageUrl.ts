/** The page of a tag here; it is made canonical there. */
export function tagPageUrl(tag: string): string {
  return `/tags/${encodeURIComponent(tag.toWellFormed())}`
}
