/** What somebody wrote or sent, as a part of a message. */

const MAX_QUOTED = 40
const MAX_EXCERPT = 160
/** What would change how the rest of a line is shown. */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

/** A text, cut after so many characters. */
export function shorten(text: string, limit: number): string {
  const characters = Array.from(text.slice(0, 2 * limit + 2))
  return characters.length > limit ? `${characters.slice(0, limit).join('')}…` : text
}

/** A text exactly as it is, as JSON has it: to be found again in the file or record that it stands in. */
export function quote(text: string): string {
  return escapeUnsafe(JSON.stringify(shorten(text, MAX_QUOTED)))
}

/** JSON on one line, with nothing in it that a terminal obeys. */
export function escapeUnsafe(json: string): string {
  return json.replaceAll(
    UNSAFE,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  )
}

/**
 * The beginning of a text that somebody else sent, on one line: without the control characters that
 * would move the cursor of the terminal it is printed on.
 */
export function excerpt(text: string, limit = MAX_EXCERPT): string {
  const line = text
    .slice(0, 4 * limit)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
  return shorten(line, limit - 1)
}

/** The same of any value, in quotes. */
export function quoteExcerpt(value: unknown, limit?: number): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return `'${excerpt(text, limit)}'`
}
