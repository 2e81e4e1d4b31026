import type { TagCount } from './countTag.ts'

/** With so many authors before, growth weighs as much as it does for a tag that is new. */
const USUAL_AUTHORS = 4

/**
 * How much a tag rises: by how many more accounts use it than before, against how much that number
 * varies by itself, which is by its root. Accounts are counted, not posts, so that one account cannot
 * raise a tag, and few weigh little. Not above 0: it does not rise.
 */
export function risingScore({ authors, authorsBefore }: Growth): number {
  return (authors - authorsBefore) / Math.sqrt(authorsBefore + USUAL_AUTHORS)
}

export type Growth = Pick<TagCount, 'authors' | 'authorsBefore'>
