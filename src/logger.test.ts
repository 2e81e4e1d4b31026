import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLogger, silentLogger, type Logger } from './logger.ts'

function collect(options: { level?: 'info' | 'warn'; pretty?: boolean } = {}): {
  logger: Logger
  lines: string[]
} {
  const lines: string[] = []
  const destination = { write: (line: string) => lines.push(line) }
  return { logger: createLogger({ level: 'info', pretty: false, ...options, destination }), lines }
}

function parseLine(line: string | undefined): unknown {
  return JSON.parse(line ?? '')
}

describe('a log line', () => {
  test('is one JSON object with the level, the time and the fields', () => {
    const { logger, lines } = collect()
    logger.info({ event: 'listening', url: 'http://127.0.0.1:3000' })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^\{[^\n]*\}\n$/u)
    expect(parseLine(lines[0])).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u),
      event: 'listening',
      url: 'http://127.0.0.1:3000',
    })
  })

  test('below the level is left out', () => {
    const { logger, lines } = collect({ level: 'warn' })
    logger.info({ event: 'quiet' })
    logger.warn({ event: 'loud' })
    expect(lines.map((line) => parseLine(line))).toMatchObject([{ event: 'loud' }])
  })

  test('carries an error with its message', () => {
    const { logger, lines } = collect()
    logger.error({ event: 'failed', err: new Error('no luck') })
    expect(parseLine(lines[0])).toMatchObject({ err: { message: 'no luck' } })
  })

  test('is text for people when pretty', () => {
    const { logger, lines } = collect({ pretty: true })
    logger.info({ event: 'listening', password: 'SECRET' }, 'ready')
    expect(lines.join('')).toContain('ready')
    expect(lines.join('')).toContain('listening')
    expect(lines.join('')).not.toMatch(/^\{|SECRET/u)
  })
})

describe('a secret field', () => {
  const names = [
    'password',
    'publisherPassword',
    'authorization',
    'Authorization',
    'accessJwt',
    'refreshJwt',
  ]

  test.each(names)('%s is blotted out at any depth', (name) => {
    const { logger, lines } = collect()
    const secret = { [name]: 'SECRET "x" \\', kept: 1 }
    logger.info({ ...secret, deep: { list: [{ a: { b: { c: { d: secret } } } }] } })
    logger.child(secret).error(Object.assign(new Error('no'), { headers: secret }))
    logger.info({ [name]: ['SECRET]', 'SECRET'] })
    logger.info({ [name]: 12_345 })
    expect(lines.join('')).not.toMatch(/SECRET|12345/u)
    expect(parseLine(lines[0])).toMatchObject({ [name]: '[redacted]', kept: 1 })
    expect(parseLine(lines[2])).toMatchObject({ [name]: '[redacted]' })
    expect(parseLine(lines[3])).toMatchObject({ [name]: '[redacted]' })
  })

  test('leaves every line valid JSON and every other field as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (secret, text) => {
        const { logger, lines } = collect()
        logger.info({ password: secret, text, quoted: JSON.stringify({ password: text }) })
        expect(parseLine(lines[0])).toMatchObject({
          password: '[redacted]',
          text,
          quoted: JSON.stringify({ password: text }),
        })
      }),
    )
  })
})

test('the silent logger has no level that it writes', () => {
  expect(silentLogger().isLevelEnabled('fatal')).toBe(false)
})
