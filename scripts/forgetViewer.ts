import { isValidDid } from '@atproto/syntax'
import { readConfig } from '../src/config/config.ts'
import { loadEnvFile } from '../src/config/envFile.ts'
import { checkDatabase, openWriter } from '../src/db/openDatabase.ts'
import { forgetViewers } from '../src/viewers/forgetViewers.ts'
import { runCommand } from './command.ts'

const COMMAND = {
  call: 'npm run forgetViewer --',
  about:
    'Erases what is stored of a viewer: whom they follow, what they asked to see less of, and that they ' +
    'have asked. The service may run meanwhile. What they have seen stays counted: a count names nobody.',
  operands: {
    usage: 'DID',
    min: 1,
    max: 1,
    problem: 'give the DID of one viewer',
    about: 'The DID of the viewer, did:plc:… or did:web:….',
  },
  options: {},
} as const

await runCommand(COMMAND, async ({ operands, problems }) => {
  const [did = ''] = operands
  if (!isValidDid(did)) {
    problems.usage('what is given is no DID: give did:plc:… or did:web:…')
  }
  const read = problems.attempt(() => readConfig(loadEnvFile('.env', process.env)), undefined)
  const { databaseUrl } = problems.settle(read)
  await checkDatabase(databaseUrl)
  await using writer = await openWriter(databaseUrl, { mustExist: true })
  let count = 0
  await writer.transaction(async () => {
    count = await forgetViewers(writer, [did])
  })
  console.log(count > 0 ? `${did} is forgotten` : `nothing is stored of ${did}`)
})
