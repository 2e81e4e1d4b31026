import { createDeployment } from '../src/publish/doctor/deployment.ts'
import { diagnose } from '../src/publish/doctor/diagnose.ts'
import { groupFindings } from '../src/publish/doctor/groupFindings.ts'
import { renderJson } from '../src/publish/doctor/renderJson.ts'
import { renderSummary, renderText } from '../src/publish/doctor/renderText.ts'
import type { Finding } from '../src/publish/doctor/report.ts'
import { loadSetup } from '../src/setup.ts'
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
  for await (const finding of diagnose(deployment, signal)) {
    // What is equal for many feeds is one line, so that a check is told when it has ended.
    if (!json && findings.length > 0 && findings.at(-1)?.check !== finding.check) {
      printCheck(findings)
    }
    findings.push(finding)
    if (json) {
      console.log(renderJson(finding))
    }
  }
  if (!json) {
    printCheck(findings)
    console.log(renderSummary(findings))
  }
  if (signal.aborted || findings.some(({ verdict }) => verdict === 'failure')) {
    process.exitCode = 1
  }
})

/** The findings of the check that was looked at last. */
function printCheck(findings: readonly Finding[]): void {
  const last = findings.at(-1)?.check
  const others = findings.findLastIndex(({ check }) => check !== last)
  for (const group of groupFindings(findings.slice(others + 1))) {
    console.log(renderText(group))
  }
}
