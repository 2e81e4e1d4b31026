const MAX_CHARACTERS = 160

/**
 * The beginning of a text that somebody else sent, on one line: without the control characters that
 * would move the cursor of the terminal it is printed on.
 */
export function excerpt(text: string): string {
  const line = text
    .slice(0, 4 * MAX_CHARACTERS)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
  const characters = Array.from(line)
  return characters.length > MAX_CHARACTERS
    ? `${characters.slice(0, MAX_CHARACTERS - 1).join('')}…`
    : line
}

/** The same of any value, in quotes. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return `'${excerpt(text)}'`
}
