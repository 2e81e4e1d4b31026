import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { configVariables, readConfig } from './config.ts'
import { exampleEnv, loadEnvFile, readEnvFile } from './envFile.ts'

let folder = ''
let path = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tagfeed-env-'))
  path = join(folder, '.env')
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

describe('the .env file', () => {
  test('is not needed', () => {
    const env = { FEEDGEN_PORT: '1' }
    expect(loadEnvFile(path, env)).toEqual(env)
  })

  test('completes the environment, which wins', () => {
    writeFileSync(path, 'FEEDGEN_PORT=1\nFEEDGEN_LOG_LEVEL=debug\nFEEDGEN_ROLES=serve\n')
    const env = { FEEDGEN_PORT: '2', FEEDGEN_LOG_LEVEL: '', FEEDGEN_ROLES: undefined, PATH: '/bin' }
    expect(loadEnvFile(path, env)).toEqual({
      FEEDGEN_PORT: '2',
      FEEDGEN_LOG_LEVEL: '',
      FEEDGEN_ROLES: 'serve',
      PATH: '/bin',
    })
    expect(env.FEEDGEN_PORT).toBe('2')
  })

  test('may have comments, quotes, a byte order mark and line ends of Windows', () => {
    writeFileSync(
      path,
      '\uFEFFFEEDGEN_PORT=1\r\n# no\r\n\r\nFEEDGEN_FEEDS_FILE="my feeds.yaml" # yes\r\n',
    )
    expect(loadEnvFile(path, {})).toEqual({
      FEEDGEN_PORT: '1',
      FEEDGEN_FEEDS_FILE: 'my feeds.yaml',
    })
  })

  test('tells its malformed lines, by number and without their values', () => {
    const lines = [
      'export FEEDGEN_PORT = 1',
      'FEEDGEN_LOG_LEVEL: debug',
      'hunter2',
      '  # a comment',
      'FEEDGEN_ROLES="serve',
      ' rank"',
      "FEEDGEN_PUBLISHER_PASSWORD='hunter2",
      '=x',
    ]
    writeFileSync(path, lines.join('\n'))
    const { completed, problems } = readEnvFile(path, {})
    expect(completed).toMatchObject({ FEEDGEN_PORT: '1', FEEDGEN_ROLES: 'serve\n rank' })
    const nothing = 'this line is not NAME=value and sets nothing: write'
    expect(problems).toEqual([
      `${path}:2: ${nothing} FEEDGEN_LOG_LEVEL=value, or # in front of a comment`,
      `${path}:3: ${nothing} NAME=value, or # in front of a comment`,
      `${path}:7: the quote ' is not closed: close it, or leave it out`,
      `${path}:8: ${nothing} NAME=value, or # in front of a comment`,
    ])
    expect(() => loadEnvFile(path, {})).toThrow(ConfigError)
  })

  test('that is a directory is a problem of configuration', () => {
    mkdirSync(path)
    expect(() => loadEnvFile(path, {})).toThrow(ConfigError)
    expect(() => loadEnvFile(path, {})).toThrow(`${path} is a directory`)
  })

  test('that cannot be read is a problem of configuration', () => {
    symlinkSync(path, path)
    expect(() => loadEnvFile(path, {})).toThrow(ConfigError)
    expect(() => loadEnvFile(path, {})).toThrow(`${path} cannot be read`)
  })
})

describe('.env.example', () => {
  test('is current', () => {
    const file = new URL('../../.env.example', import.meta.url)
    expect(readFileSync(file, 'utf8')).toBe(exampleEnv())
  })

  test('changes nothing when it is copied as it is', () => {
    expect(parseEnv(exampleEnv())).toEqual({})
  })

  test('names every variable once, with a default that means the same as none', () => {
    const uncommented = parseEnv(exampleEnv().replaceAll(/^#(?=FEEDGEN_)/gmu, ''))
    const names = Object.values(configVariables).map(({ name }) => name)
    const shown = exampleEnv().matchAll(/^#(FEEDGEN_\w+)=/gmu)
    expect(Array.from(shown, ([, name]) => name)).toEqual(names)
    expect(readConfig(uncommented)).toEqual(readConfig({}))
  })
})
