/**
 * The feeds file as YAML values that know their places. Aliases are followed here, so that nobody
 * above meets one, and only as far as a bounded amount of text.
 */
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Alias, Document, Node } from 'yaml'
import { ConfigError } from '../errors.ts'
import { quote, shorten } from '../texts/quote.ts'
import { findLostText } from './lostText.ts'

const MAX_BYTES = 1_048_576
// Text that aliases repeat, counted once a use: a few lines of aliases can stand for gigabytes.
const MAX_ALIASED_CHARACTERS = 1_048_576
// After the first slips the rest are consequences.
const MAX_SYNTAX_PROBLEMS = 20

/** One value of the file, or the place where one is missing. */
export interface YamlValue {
  /** How problems call it, for example `tags.any`. */
  readonly name: string
  readonly offset: number
  /** Undefined when nothing is written; never an alias. */
  readonly node: Node | undefined
  readonly file: YamlFile
}

/** A file that is being checked: collects its problems. */
export interface YamlFile {
  readonly root: YamlValue
  /** Notes what is wrong at a place; one problem is noted once, however many aliases lead to it. */
  report(place: { readonly offset: number }, problem: string): void
  /** 1-based. */
  lineOf(place: { readonly offset: number }): number
  /** The value of a node; an empty one stands at the key it belongs to. */
  valueOf(name: string, node: unknown, ownerOffset: number): YamlValue
  /** @throws ConfigError naming all problems in the order of the file, if there are any */
  throwProblems(): void
}

/**
 * Reads the text of a file into its root value.
 * @throws ConfigError naming what is wrong with the text as YAML: nothing in it can be relied on then
 */
export function openYaml(text: string, fileName: string): YamlFile {
  if (Buffer.byteLength(text) > MAX_BYTES) {
    throw new ConfigError([`${fileName}:1:1: the file is too large, allowed: ${MAX_BYTES} bytes`])
  }
  const lines = new LineCounter()
  const problems = createProblems(fileName, lines)
  const { lost, mended, isCut } = findLostText(text.replace(/^\uFEFF/u, ''))
  const yaml = parseDocument(mended, {
    lineCounter: lines,
    logLevel: 'error',
    prettyErrors: false,
    resolveKnownTags: false,
    uniqueKeys: false,
  })
  lost.forEach((place) => problems.report(place, place.problem))
  if (isCut || !reportSyntax(yaml, problems)) {
    problems.throwProblems()
  }
  const { aliases, isWhole } = resolveAliases(yaml, problems)
  if (!isWhole) {
    problems.throwProblems()
  }
  return createFile(yaml.contents, problems, aliases)
}

type Problems = Omit<YamlFile, 'root' | 'valueOf'>

function createProblems(fileName: string, lines: LineCounter): Problems {
  const found = new Map<string, { line: number; column: number }>()
  return {
    report({ offset }, problem) {
      const sentence = problem.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
      const position = lines.linePos(offset)
      // The counter knows no first line in an empty file.
      const [line, column] = [Math.max(position.line, 1), Math.max(position.col, 1)]
      found.set(`${fileName}:${line}:${column}: ${sentence}`, { line, column })
    },
    lineOf: ({ offset }) => lines.linePos(offset).line,
    throwProblems() {
      if (found.size > 0) {
        const inOrder = [...found].sort(([, a], [, b]) => a.line - b.line || a.column - b.column)
        throw new ConfigError(inOrder.map(([problem]) => problem))
      }
    },
  }
}

/** Whether the text is YAML that can be read on. */
function reportSyntax(yaml: Document, problems: Problems): boolean {
  const faults = [...yaml.errors, ...yaml.warnings]
  // Too deep nesting breaks off the parser: what it says beside that is a consequence.
  const tooDeep = faults.find(({ code }) => code === 'RESOURCE_EXHAUSTION')
  if (tooDeep !== undefined) {
    const place = { offset: tooDeep.pos[0] }
    problems.report(place, 'lists and maps are nested too deep, allowed: the nesting of a feed')
    return false
  }
  const first = new Map(faults.toReversed().map((fault) => [fault.pos[0], fault]))
  const shown = [...first.values()].toReversed().slice(0, MAX_SYNTAX_PROBLEMS)
  for (const { code, pos, message } of shown) {
    const fault = `not valid YAML: ${shorten(message, 200)}, allowed: YAML 1.2`
    problems.report({ offset: pos[0] }, SYNTAX_PROBLEMS.get(code) ?? fault)
  }
  if (faults.length === 0 && (yaml.directives?.yaml.version ?? '1.2') !== '1.2') {
    problems.report({ offset: 0 }, 'the %YAML directive names another version, allowed: 1.2')
    return false
  }
  return faults.length === 0
}

const SYNTAX_PROBLEMS: ReadonlyMap<string, string> = new Map([
  ['MULTIPLE_DOCS', 'a second document begins here, allowed: one document, without --- between'],
  [
    'TAG_RESOLVE_FAILED',
    "unknown YAML tag (a word after !), allowed: none, write plain values, and labels such as '!hide' in quotes",
  ],
])

/**
 * What each alias stands for: the latest node before it with that anchor. Walks without recursion and
 * once: the library's own way walks the whole document for every alias.
 */
function resolveAliases(
  yaml: Document,
  problems: Problems,
): { aliases: ReadonlyMap<Alias, Node>; isWhole: boolean } {
  let isWhole = true
  const anchors = new Map<string, Node>()
  const targets = new Map<Alias, Node>()
  const rest: unknown[] = [yaml.contents]
  while (rest.length > 0) {
    const node = rest.pop()
    if (isPair(node)) {
      rest.push(node.value, node.key)
    } else if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target === undefined) {
        const problem = `alias ${quote(node.source)} has no anchor, allowed: an anchor above it`
        problems.report({ offset: startOf(node) }, problem)
        isWhole = false
      } else {
        targets.set(node, target)
      }
    } else if (isMap(node) || isSeq(node) || isScalar(node)) {
      if (node.anchor !== undefined) {
        anchors.set(node.anchor, node)
      }
      if (!isScalar(node)) {
        for (const item of node.items.toReversed()) {
          rest.push(item)
        }
      }
    }
  }
  return { aliases: targets, isWhole }
}

function createFile(
  contents: unknown,
  problems: Problems,
  aliases: ReadonlyMap<Alias, Node>,
): YamlFile {
  let aliased = 0
  const follow = (alias: Alias): Node | undefined => {
    const target = aliases.get(alias)
    aliased += (target?.range?.[1] ?? 0) - (target?.range?.[0] ?? 0)
    if (aliased > MAX_ALIASED_CHARACTERS) {
      const problem = `aliases repeat too much text, allowed: ${MAX_ALIASED_CHARACTERS} characters`
      problems.report({ offset: startOf(alias) }, problem)
      problems.throwProblems()
    }
    return target
  }
  const file: YamlFile = {
    ...problems,
    get root() {
      return file.valueOf('the file', contents, 0)
    },
    valueOf(name, written, ownerOffset) {
      const node = isAlias(written) ? follow(written) : written
      if (!isMap(node) && !isSeq(node) && !isScalar(node)) {
        return { name, offset: ownerOffset, node: undefined, file }
      }
      const isEmpty = isScalar(node) && node.value === null && node.source === ''
      const offset = isEmpty ? ownerOffset : startOf(isAlias(written) ? written : node)
      return { name, offset, node: isEmpty ? undefined : node, file }
    },
  }
  return file
}

/** Where a node begins: an alias where it stands, not where it leads. */
export function startOf(node: Node): number {
  return node.range?.[0] ?? 0
}
