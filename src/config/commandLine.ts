/**
 * What a command takes: its options are read, checked and described from one table, so that `--help`
 * names exactly those that there are.
 */
import { parseArgs } from 'node:util'
import { findNearMiss } from '../texts/nearMiss.ts'

export interface OptionText {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** May be given several times. */
  readonly multiple?: true
  readonly default?: string
  /** How the value is called in the help, such as `RKEY`. */
  readonly value?: string
  readonly about: string
}

type Options = Readonly<Record<string, OptionText>>

export interface Command<O extends Options = Options> {
  /** What is typed before the options, such as `npm run doctor --`. */
  readonly call: string
  /** One sentence or more: what it does. */
  readonly about: string
  readonly options: O
  /** What it takes beside options; nothing when left out. */
  readonly operands?: {
    /** As in the usage, such as `RKEY…`. */
    readonly usage: string
    readonly min: number
    readonly max: number
    /** What to give instead of too few or too many. */
    readonly problem: string
    readonly about: string
  }
  /** Further lines of the help. */
  readonly notes?: readonly string[]
}

type ValueOf<T extends OptionText> = T['type'] extends 'boolean'
  ? boolean
  : T extends { readonly multiple: true }
    ? readonly string[]
    : T extends { readonly default: string }
      ? string
      : string | undefined

export interface CommandLine<O extends Options> {
  readonly values: { readonly [Name in keyof O]: ValueOf<O[Name]> }
  readonly operands: readonly string[]
  readonly wantsHelp: boolean
  /** All that is wrong; texts that were given are not repeated, as one may be a password. */
  readonly problems: readonly string[]
}

type Env = Readonly<Record<string, string | undefined>>

/** Reads the arguments of a command. What is wrong is collected, and stands as left out. */
export function readCommandLine<O extends Options>(
  command: Command<O>,
  args: readonly string[],
  env: Env,
): CommandLine<O> {
  const { tokens } = parseArgs({
    args: [...args],
    options: declare(command.options),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const problems: string[] = []
  const given = new Map<string, (string | true)[]>()
  const operands: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') {
      operands.push(token.value)
    } else if (token.kind === 'option' && token.name !== 'help') {
      const option = find(command.options, token.name)
      const problem = findFault(token, option, command)
      if (problem === undefined) {
        given.set(token.name, [...(given.get(token.name) ?? []), token.value ?? true])
      } else {
        problems.push(problem)
      }
    }
  }
  problems.push(...readNpmFlags(command, given, env), ...findOperandFault(command, operands))
  return {
    values: valuesOf(command.options, given),
    operands,
    wantsHelp: tokens.some((token) => token.kind === 'option' && token.name === 'help'),
    problems,
  }
}

function declare(options: Options) {
  const declared = Object.entries(options).map(([name, { type, short }]) => [
    name,
    { type, ...(short !== undefined && { short }) },
  ])
  return {
    ...(Object.fromEntries(declared) as Record<string, { type: 'string' | 'boolean' }>),
    help: { type: 'boolean', short: 'h' },
  } as const
}

function find(options: Options, name: string): OptionText | undefined {
  return Object.hasOwn(options, name) ? options[name] : undefined
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function findFault(
  { name, rawName, value, inlineValue }: OptionToken,
  option: OptionText | undefined,
  { options }: Command,
): string | undefined {
  if (option === undefined) {
    const nearest = findNearMiss(name, Object.keys(options))
    const hint = nearest === undefined ? '' : `: did you mean --${nearest}?`
    return `${rawName} is no option of this command${hint}`
  }
  if (option.type === 'boolean') {
    return value === undefined ? undefined : `${rawName} takes no value`
  }
  // What follows is an option of its own, whose value would be lost otherwise.
  const isOption = inlineValue !== true && /^-./u.test(value ?? '')
  return value === undefined || value === '' || isOption
    ? `${rawName}: give its value: ${rawName} ${option.value ?? 'TEXT'}`
    : undefined
}

/**
 * `npm run NAME --option` without `--` before the option: npm takes it for one of its own and tells
 * the command by the environment alone. A dry run is made one; what else is lost is said.
 */
function readNpmFlags(command: Command, given: Map<string, (string | true)[]>, env: Env): string[] {
  const has = (name: string): boolean =>
    !['', 'false', undefined].includes(env[`npm_config_${name.replaceAll('-', '_')}`])
  if (has('dry-run') && find(command.options, 'dry-run') === undefined) {
    return ['--dry-run was given to npm, and this command has none: leave it out']
  }
  if (has('dry-run')) {
    given.set('dry-run', [true])
  }
  const isDryRun = given.has('dry-run')
  return Object.entries(command.options).flatMap(([name, option]) =>
    given.has(name) || !has(name) || (name === 'yes' && isDryRun)
      ? []
      : [
          `npm took --${name} for itself: put -- before the options: ` +
            `${command.call} ${optionUsage(name, option)}`,
        ],
  )
}

function findOperandFault({ operands }: Command, given: readonly string[]): string[] {
  const { min, max, problem } = operands ?? {
    min: 0,
    max: 0,
    problem: 'give options alone: this command takes nothing else',
  }
  return given.length < min || given.length > max ? [problem] : []
}

function valuesOf<O extends Options>(
  options: O,
  given: ReadonlyMap<string, readonly (string | true)[]>,
): CommandLine<O>['values'] {
  const entries = Object.entries(options).map(([name, option]) => {
    const values = given.get(name) ?? []
    if (option.type === 'boolean') {
      return [name, values.length > 0]
    }
    return [name, option.multiple === true ? values : (values.at(-1) ?? option.default)]
  })
  return Object.fromEntries(entries) as CommandLine<O>['values']
}

function optionUsage(name: string, { type, value = 'TEXT' }: OptionText): string {
  return type === 'boolean' ? `--${name}` : `--${name} ${value}`
}

/** One line: how it is called. */
export function usageOf({ call, options, operands }: Command): string {
  const parts = Object.entries(options).map(
    ([name, option]) => `[${optionUsage(name, option)}]${option.multiple === true ? '…' : ''}`,
  )
  const beside = operands === undefined ? [] : [operands.usage]
  return ['usage:', call, ...beside, ...parts].join(' ')
}

const WIDTH = 100
const MAX_LABEL = 24

/** What `--help` prints. */
export function helpOf(command: Command): string {
  const { about, options, operands, notes = [] } = command
  const rows = [
    ...(operands === undefined ? [] : [[operands.usage, operands.about] as const]),
    ...Object.entries(options).map(([name, option]) => {
      const short = option.short === undefined ? '' : `, -${option.short}`
      const unset = option.default === undefined ? '' : ` (default: ${option.default})`
      return [optionUsage(name, option) + short, option.about + unset] as const
    }),
    ['--help, -h', 'Prints this and does nothing else.'] as const,
  ]
  const width = Math.min(MAX_LABEL, Math.max(...rows.map(([label]) => label.length)))
  const lines = rows.flatMap(([label, text]) => {
    const [first = '', ...rest] = wrap(text, WIDTH - width - 4)
    const indented = rest.map((line) => ' '.repeat(width + 4) + line)
    return label.length > width
      ? [`  ${label}`, ...[first, ...rest].map((line) => ' '.repeat(width + 4) + line)]
      : [`  ${label.padEnd(width)}  ${first}`, ...indented]
  })
  const after = notes.length === 0 ? [] : ['', ...notes.flatMap((note) => wrap(note, WIDTH))]
  return [...wrap(about, WIDTH), '', usageOf(command), '', ...lines, ...after].join('\n')
}

/** Cuts a text into lines, each indented as the text is. */
function wrap(text: string, width: number): string[] {
  const indent = /^ */u.exec(text)?.[0] ?? ''
  const [first = '', ...words] = text.trim().split(' ')
  const lines = [indent + first]
  for (const word of words) {
    const line = lines.at(-1) ?? ''
    if (line.length + 1 + word.length > width) {
      lines.push(indent + word)
    } else {
      lines[lines.length - 1] = `${line} ${word}`
    }
  }
  return lines
}
