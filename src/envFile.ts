import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { configVariables, type Config, type Environment } from './config.ts'
import { ConfigError, describeError } from './errors.ts'

/**
 * The environment completed by a `.env` file, when there is one. A name that the environment has wins,
 * also with an empty value, as with `node --env-file`. Neither argument is changed.
 *
 * @throws {ConfigError} when the file is there and cannot be read.
 */
export function loadEnvFile(path: string, env: Environment): Environment {
  const text = readIfThere(path)
  if (text === undefined) {
    return env
  }
  // Editors on Windows begin a file with a byte order mark, which would become part of the first name.
  return { ...parseEnv(text.replace(/^\uFEFF/u, '')), ...dropUndefined(env) }
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
# Made from the table in src/config.ts by \`npm run codegen\`: edit the table, not this file.
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
