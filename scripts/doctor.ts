import { createDeployment } from '../src/doctor/deployment.ts'
import { diagnose } from '../src/doctor/diagnose.ts'
import type { Finding } from '../src/doctor/findings.ts'
import { groupFindings } from '../src/doctor/groupFindings.ts'
import { renderJson } from '../src/doctor/renderJson.ts'
import { renderSummary, renderText } from '../src/doctor/renderText.ts'
import { loadSetup } from '../src/service/setup.ts'
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
  const setup = problems.attempt(() => loadSetup(process.env), undefined)
  const deployment = problems.settle(
    setup && problems.attempt(() => createDeployment(setup, { url, only, appView }), undefined),
  )
  const findings: Finding[] = []
  // A check gives its findings in one go: what is equal for many feeds is one line.
  const waiting: Finding[] = []
  const print = (): void => {
    groupFindings(waiting.splice(0)).forEach((group) => console.log(renderText(group)))
  }
  for await (const finding of diagnose(deployment, signal)) {
    findings.push(finding)
    if (json) {
      console.log(renderJson(finding))
    } else if (waiting.push(finding) === 1) {
      setImmediate(print)
    }
  }
  if (!json) {
    print()
    console.log(renderSummary(findings))
  }
  if (signal.aborted || findings.some(({ verdict }) => verdict === 'failure')) {
    process.exitCode = 1
  }
})
