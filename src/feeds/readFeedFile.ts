import { readFileSync } from 'node:fs'
import { ConfigError, describeError } from '../errors.ts'
import type { FeedDefinition } from './feedDefinition.ts'
import { parseFeedFile } from './feedFile.ts'

/**
 * Reads the feeds file.
 * @throws ConfigError naming all its problems
 */
export function readFeedFile(path: string): FeedDefinition[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw new ConfigError([
      `${path}: ${isMissing ? 'there is no such file' : `cannot be read (${describeError(error)})`}: ` +
        'put a feeds file there, or set FEEDGEN_FEEDS_FILE to its path',
    ])
  }
  return parseFeedFile(text, path)
}
