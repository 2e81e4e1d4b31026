import { ConfigError } from '../../errors.ts'
import { parseFeedFile } from '../../feedfile/feedFile.ts'
import type { FeedDefinition } from '../../feeds/feedDefinition.ts'

/** A definition of a feed that somebody has written in a form. */
export interface Draft {
  /** Undefined while there are mistakes. */
  readonly definition: FeedDefinition | undefined
  readonly mistakes: readonly Mistake[]
  /** Ready to be put under `feeds:`. */
  readonly yaml: string
  /** How many feeds the text defines: the first one is tried. */
  readonly feeds: number
}

export interface Mistake {
  /** In what was written; from 1. */
  readonly line: number
  readonly column: number
  readonly message: string
}

const FILE = 'draft'
const PLACE = /^draft:(\d+):(\d+): /u

/** Reads a feed as it stands in a feeds file: a whole file, an item of its list, or the keys alone. */
export function readDraft(written: string): Draft {
  const text = written.replaceAll('\r\n', '\n').trimEnd()
  const { whole, lines, columns } = wrap(text)
  const yaml = whole.replace(/^\s*feeds:[^\n]*\n/u, '')
  try {
    const definitions = parseFeedFile(whole, FILE)
    return { definition: definitions[0], mistakes: [], yaml, feeds: definitions.length }
  } catch (error) {
    if (!(error instanceof ConfigError)) {
      throw error
    }
    const mistakes = error.problems.map((problem) => {
      const [place = '', line = 1, column = 1] = PLACE.exec(problem) ?? []
      return {
        line: Math.max(1, Number(line) - lines),
        column: Math.max(1, Number(column) - columns),
        message: problem.slice(place.length),
      }
    })
    return { definition: undefined, mistakes, yaml, feeds: 0 }
  }
}

/** The text as a whole file, and by how much the places in it have moved. */
function wrap(text: string): { whole: string; lines: number; columns: number } {
  const first = text.split('\n').find((line) => /^\s*[^\s#]/u.test(line)) ?? ''
  if (/^feeds\s*:/u.test(first)) {
    return { whole: text, lines: 0, columns: 0 }
  }
  if (/^\s*-(?:\s|$)/u.test(first)) {
    return { whole: `feeds:\n${text}`, lines: 1, columns: 0 }
  }
  const indented = text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')
  return { whole: `feeds:\n  -${indented.slice('  -'.length)}`, lines: 1, columns: 4 }
}
