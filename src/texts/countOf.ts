/** A noun as it stands after a number: `post` after 1, `posts` after any other. */
export function nounOf(count: number, noun: string, plural = `${noun}s`): string {
  return count === 1 ? noun : plural
}

/** A number with its noun, for people: `1 post`, `2 posts`. */
export function countOf(count: number, noun: string, plural?: string): string {
  return `${count} ${nounOf(count, noun, plural)}`
}
