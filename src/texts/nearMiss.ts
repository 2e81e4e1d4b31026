/** The choice that a misspelled word was probably meant to be: its beginning, or a slip or two away. */
export function findNearMiss(text: string, choices: readonly string[]): string | undefined {
  const near = choices
    .map((choice) => ({ choice, distance: distanceOf(text.toLowerCase(), choice.toLowerCase()) }))
    .filter(({ choice, distance }) => distance <= (choice.length > 4 ? 2 : 1))
    .sort((a, b) => a.distance - b.distance)
  return near[0]?.choice
}

const MIN_BEGINNING = 4
const MAX_MISSING = 5

function distanceOf(text: string, choice: string): number {
  const isBeginning =
    text.length >= MIN_BEGINNING &&
    choice.startsWith(text) &&
    choice.length - text.length <= MAX_MISSING
  return isBeginning ? 0 : countSlips(text, choice)
}

/**
 * Letters to add, drop or replace to get from one word to another; the same letters in another order
 * are one slip, words of very different length are not compared.
 */
function countSlips(from: string, to: string): number {
  if (from !== to && sortLetters(from) === sortLetters(to)) {
    return 1
  }
  if (Math.abs(from.length - to.length) > 2) {
    return Number.POSITIVE_INFINITY
  }
  let above = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [row, letter] of Array.from(from).entries()) {
    const current = [row + 1]
    for (const [column, other] of Array.from(to).entries()) {
      const replaced = (above[column] ?? 0) + (letter === other ? 0 : 1)
      current.push(Math.min(replaced, (above[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    above = current
  }
  return above[to.length] ?? 0
}

function sortLetters(text: string): string {
  return Array.from(text).sort().join('')
}
