import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const MODULE = new URL('../support/postgresServer.ts', import.meta.url).href

test('leaves a process its exit code: a run that has failed does not end as a success', () => {
  const code = `await import(${JSON.stringify(MODULE)}); process.exitCode = 3`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code])
  expect([status, stderr.toString()]).toEqual([3, ''])
})
