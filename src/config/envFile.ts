import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ConfigError, describeError } from '../errors.ts'
import { configVariables, type Config, type Environment } from './config.ts'

/**
 * The environment completed by a `.env` file, when there is one. A name that the environment has wins,
 * also with an empty value, as with `node --env-file`. Neither argument is changed.
 *
 * @throws {ConfigError} when the file is there and cannot be read, or has lines that say nothing.
 */
export function loadEnvFile(path: string, env: Environment): Environment {
  const { completed, problems } = readEnvFile(path, env)
  if (problems.length > 0) {
    throw new ConfigError(problems)
  }
  return completed
}

/** The same for who wants to go on with what can be read, and say all problems at once. */
export function readEnvFile(
  path: string,
  env: Environment,
): { readonly completed: Environment; readonly problems: readonly string[] } {
  let text: string | undefined
  try {
    // Editors on Windows begin a file with a byte order mark, which would become part of the first name.
    text = readIfThere(path)?.replace(/^\uFEFF/u, '')
  } catch (error) {
    if (error instanceof ConfigError) {
      return { completed: env, problems: error.problems }
    }
    throw error
  }
  return text === undefined
    ? { completed: env, problems: [] }
    : {
        completed: { ...parseEnv(text), ...dropUndefined(env) },
        problems: findMalformedLines(text).map((problem) => `${path}:${problem}`),
      }
}

/**
 * Lines that are neither empty, nor a comment, nor `NAME=value`: the parser passes over them without a
 * word. No problem shows a value, which may be a secret.
 */
function findMalformedLines(text: string): string[] {
  const problems: string[] = []
  const lines = text.split(/\r?\n/u)
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]?.trim() ?? ''
    const number = index + 1
    const value = /^(?:export\s+)?[A-Za-z_][\w.-]*\s*=\s*(.*)$/u.exec(line)?.[1]
    const quote = /^["'`]/u.exec(value ?? '')?.[0]
    if (value === undefined && line !== '' && !line.startsWith('#')) {
      const named = /^(?:export\s+)?(FEEDGEN_\w*)/u.exec(line)?.[1] ?? 'NAME'
      problems.push(
        `${number}: this line is not NAME=value and sets nothing: write ${named}=value, or # in front of a comment`,
      )
    } else if (value !== undefined && quote !== undefined && !value.slice(1).includes(quote)) {
      // A value in quotes may have several lines.
      const end = lines.findIndex((later, at) => at > index && later.includes(quote))
      if (end === -1) {
        problems.push(`${number}: the quote ${quote} is not closed: close it, or leave it out`)
      } else {
        index = end
      }
    }
  }
  return problems
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') {
      return undefined
    }
    throw new ConfigError([
      code === 'EISDIR'
        ? `${path} is a directory: put a file of NAME=value lines in its place, or remove it`
        : `${path} cannot be read (${describeError(error)}): mend its permissions, or remove it`,
    ])
  }
}

/** An undefined value is an absent name, which must not hide one of the file. */
function dropUndefined(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
}

/** The first variable of each group of the example, in the order of the table. */
const groupStarts: Partial<Record<keyof Config, string>> = {
  hostname: 'Identity',
  port: 'Serving',
  databaseUrl: 'Storage',
  jetstreamUrls: 'Stream',
  plcUrl: 'Network',
  roles: 'Process',
}

const exampleHeader = `# Settings of tagfeed. Copy this file to .env and take the # off the lines that you change.
# Each line shows the default; an empty value counts as unset. The environment wins over .env.
# Made from the table in src/config/config.ts by \`npm run codegen\`: edit the table, not this file.
`

/** The text of `.env.example`: every variable, commented out, with its default and what it means. */
export function exampleEnv(): string {
  const titles = new Map<string, string>(Object.entries(groupStarts))
  const entries = Object.entries(configVariables).map(([key, { name, sentence, unset }]) => {
    const title = titles.get(key)
    const heading = title === undefined ? '' : `\n## ${title}\n`
    return `${heading}\n# ${sentence}\n#${name}=${'text' in unset ? unset.text : ''}\n`
  })
  return `${exampleHeader}${entries.join('')}`
}
