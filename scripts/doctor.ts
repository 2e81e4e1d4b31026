import { parseArgs } from 'node:util'
import { loadEnvFile } from '../src/envFile.ts'
import { createDeployment } from '../src/publish/doctor/deployment.ts'
import { diagnose } from '../src/publish/doctor/diagnose.ts'
import { renderJson } from '../src/publish/doctor/renderJson.ts'
import { renderSummary, renderText } from '../src/publish/doctor/renderText.ts'
import type { Finding } from '../src/publish/doctor/report.ts'
import { readSetup } from '../src/setup.ts'
import { parseUsage, runCommand } from './command.ts'

const USAGE = 'npm run doctor -- [--url BASE] [--only RKEY] [--appview URL] [--json]'

await runCommand(async (signal) => {
  const { json, ...options } = parseUsage(readArguments, USAGE)
  const deployment = createDeployment(readSetup(loadEnvFile('.env', process.env)), options)
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

function readArguments() {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      only: { type: 'string' },
      appview: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const { url, only, appview: appView, json } = values
  return { url, only, appView, json }
}
