const MAX_QUOTED = 40

/** A text as part of a message: in quotes, cut after 40 characters. */
export function quote(text: string): string {
  return JSON.stringify(shorten(text, MAX_QUOTED))
}

/** A text, cut after so many characters. */
export function shorten(text: string, limit: number): string {
  const characters = Array.from(text.slice(0, 2 * limit + 2))
  return characters.length > limit ? `${characters.slice(0, limit).join('')}…` : text
}
