import { createExplainPost } from '../src/clients/explainPost.ts'
import { createGuardedFetch } from '../src/identity/guardedFetch.ts'
import { resolveHandle } from '../src/identity/resolveHandle.ts'
import { createLogger } from '../src/logger.ts'
import { openReadable } from '../src/service/prepareDatabase.ts'
import { loadSetup } from '../src/service/setup.ts'
import { systemClock } from '../src/time.ts'
import { readPostAddress } from '../src/xrpc/explainPost.ts'
import { runCommand } from './command.ts'

const COMMAND = {
  call: 'npm run explain --',
  about:
    'Says why a post is or is not in the feeds, from the database; the service may run meanwhile.',
  operands: {
    usage: 'POST [RKEY]',
    min: 1,
    max: 2,
    problem: 'give one post, and the record key of a feed if only that is meant',
    about: 'The at-uri of a post, or its link at bsky.app; the record key of a feed.',
  },
  options: {},
} as const

await runCommand(COMMAND, async ({ operands, problems, signal }) => {
  const [post = '', rkey] = operands
  const read = problems.attempt(() => loadSetup(process.env), undefined)
  const { config, definitions } = problems.settle(read)
  const asked = definitions.filter((feed) => rkey === undefined || feed.rkey === rkey)
  if (asked.length === 0) {
    problems.usage('there is no feed of that record key in the feeds file')
  }
  const fetch = createGuardedFetch(config)
  let uri = ''
  try {
    uri = await readPostAddress(post, (handle) => resolveHandle(handle, { fetch }))
  } catch {
    problems.usage('give the at-uri of a post, or its link at bsky.app')
  }
  problems.throwIfAny()
  const options = { logger: createLogger({ level: 'silent', pretty: false }), signal }
  await using readable = await openReadable({ config, definitions }, options)
  const explain = createExplainPost({
    database: readable.reader,
    retentionDays: config.retentionDays,
    clock: systemClock,
  })
  const explained = await explain(uri)
  console.log(`${uri}: ${explained.reason}`)
  for (const definition of asked) {
    const { isIn, rule, message } = await explained.explain(definition)
    console.log(`${definition.rkey}: ${isIn ? 'in' : `not in (${rule})`}. ${message}`)
  }
})
