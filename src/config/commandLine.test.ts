import { describe, expect, test } from 'vitest'
import { helpOf, readCommandLine, usageOf } from './commandLine.ts'

const COMMAND = {
  call: 'npm run thing --',
  about: 'Does a thing.',
  operands: { usage: 'RKEY', min: 1, max: 1, problem: 'give one RKEY', about: 'Of the feed.' },
  options: {
    'dry-run': { type: 'boolean', about: 'Does nothing.' },
    yes: { type: 'boolean', short: 'y', about: 'Does not ask.' },
    only: { type: 'string', value: 'RKEY', multiple: true, about: 'These.' },
    limit: { type: 'string', value: 'N', default: '50', about: 'How many.' },
  },
} as const

const read = (args: string[], env = {}) => readCommandLine(COMMAND, args, env)

describe('a command line', () => {
  test('gives what was given, and defaults for the rest', () => {
    expect(read(['art', '-y', '--only', 'a', '--only=b'])).toEqual({
      values: { 'dry-run': false, yes: true, only: ['a', 'b'], limit: '50' },
      operands: ['art'],
      wantsHelp: false,
      problems: [],
    })
    expect(read(['--limit', '3', '--', '--art']).operands).toEqual(['--art'])
    expect(read(['-h']).wantsHelp).toBe(true)
  })

  test.each([
    [[], ['give one RKEY']],
    [['a', 'b', '--limt', '3'], ['--limt is no option of this command: did you mean --limit?']],
    [['a', '--limit'], ['--limit: give its value: --limit N']],
    [['a', '--limit='], ['--limit: give its value: --limit N']],
    [['a', '--limit', '--yes'], ['--limit: give its value: --limit N']],
    [
      ['a', '--yes=no', '--toString'],
      ['--yes takes no value', '--toString is no option'],
    ],
  ])('of %j tells all that is wrong', (args, problems) => {
    const found = read(args).problems
    expect(problems.every((problem) => found.some((each) => each.startsWith(problem)))).toBe(true)
  })

  test('is a dry run where npm took the option for its own', () => {
    const env = { npm_config_dry_run: 'true', npm_config_yes: 'true' }
    expect(read(['a'], env)).toMatchObject({
      values: { 'dry-run': true, yes: false },
      problems: [],
    })
    expect(read(['a'], { npm_config_dry_run: '' }).values['dry-run']).toBe(false)
  })

  test('tells of other options that npm took', () => {
    const problem = (option: string) =>
      `npm took ${option.split(' ')[0]} for itself: put -- before the options: npm run thing -- ${option}`
    expect(read(['a'], { npm_config_yes: 'true', npm_config_only: 'b' }).problems).toEqual([
      problem('--yes'),
      problem('--only RKEY'),
    ])
    expect(read(['a', '--only', 'b'], { npm_config_only: 'b' }).problems).toEqual([])
    const { options: _, ...rest } = COMMAND
    const none = readCommandLine({ ...rest, options: {} }, ['a'], { npm_config_dry_run: 'true' })
    expect(none.problems).toEqual([expect.stringContaining('this command has none')])
  })

  test('has a help with every option', () => {
    const usage = 'usage: npm run thing -- RKEY [--dry-run] [--yes] [--only RKEY]… [--limit N]'
    expect(usageOf(COMMAND)).toBe(usage)
    const lines = helpOf(COMMAND).split('\n')
    expect(lines.slice(0, 3)).toEqual(['Does a thing.', '', usage])
    for (const label of [
      'RKEY',
      '--dry-run',
      '--yes, -y',
      '--only RKEY',
      '--limit N',
      '--help, -h',
    ]) {
      expect(lines.some((line) => line.startsWith(`  ${label}  `))).toBe(true)
    }
    expect(lines.some((line) => line.includes('(default: 50)'))).toBe(true)
  })
})
