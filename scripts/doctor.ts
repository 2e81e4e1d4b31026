import { loadEnvFile } from '../src/envFile.ts'
import { createDeployment } from '../src/publish/doctor/deployment.ts'
import { diagnose } from '../src/publish/doctor/diagnose.ts'
import { renderJson } from '../src/publish/doctor/renderJson.ts'
import { renderSummary, renderText } from '../src/publish/doctor/renderText.ts'
import type { Finding } from '../src/publish/doctor/report.ts'
import { readSetup } from '../src/setup.ts'
import { runCommand } from './command.ts'

const COMMAND = {
  call: 'npm run doctor --',
  about:
    'Checks a deployment from outside, in the order that the request of a reader takes, and says what to mend. ' +
    'Nothing is changed. Exit code 1 when a check fails.',
  options: {
    url: {
      type: 'string',
      value: 'BASE',
      about: 'Where the service is asked, in place of its host name.',
    },
    only: { type: 'string', value: 'RKEY', about: 'Looks at one feed alone.' },
    appview: {
      type: 'string',
      value: 'URL',
      about: 'The AppView that is asked what it shows readers, in place of the public one.',
    },
    json: { type: 'boolean', about: 'Prints one JSON object a line for each finding.' },
  },
} as const

await runCommand(COMMAND, async ({ values, problems, signal }) => {
  const { json, url, only, appview: appView } = values
  const setup = problems.attempt(() => readSetup(loadEnvFile('.env', process.env)), undefined)
  const deployment = problems.settle(
    setup && problems.attempt(() => createDeployment(setup, { url, only, appView }), undefined),
  )
  const findings: Finding[] = []
  for await (const finding of diagnose(deployment, signal)) {
    findings.push(finding)
    console.log(json ? renderJson(finding) : renderText(finding))
  }
  if (!json) {
    console.log(renderSummary(findings))
  }
  if (signal.aborted || findings.some(({ verdict }) => verdict === 'failure')) {
    process.exitCode = 1
  }
})
