import { expect, test } from 'vitest'
import { readConfig } from '../config/config.ts'
import { ConfigError } from '../errors.ts'
import { parseFeedFile } from '../feedfile/feedFile.ts'
import { createDeployment } from './deployment.ts'
import type { DoctorOptions } from './deployment.ts'

const definitions = parseFeedFile(
  'feeds: [{ rkey: art, name: Art, tags: [art] }, { rkey: cats, name: Cats, tags: [cats] }]',
  'feeds.yaml',
)
const deploymentOf = (env: Record<string, string>, options: DoctorOptions = {}) =>
  createDeployment({ config: readConfig(env), definitions }, options)

function problemsOf(env: Record<string, string>, options: DoctorOptions): readonly string[] {
  try {
    deploymentOf(env, options)
    return []
  } catch (error) {
    return error instanceof ConfigError ? error.problems : [String(error)]
  }
}

test('a public service is asked at its host name, and Bluesky about it', () => {
  expect(deploymentOf({ FEEDGEN_HOSTNAME: 'feed.tagfeed.dev' })).toMatchObject({
    serviceDid: 'did:web:feed.tagfeed.dev',
    endpoint: 'https://feed.tagfeed.dev',
    baseUrl: 'https://feed.tagfeed.dev',
    isElsewhere: false,
    appViewUrl: 'https://public.api.bsky.app',
  })
})

test.each([
  [{}, 'http://127.0.0.1:3000'],
  [{ FEEDGEN_LISTENHOST: '0.0.0.0', FEEDGEN_PORT: '4000' }, 'http://127.0.0.1:4000'],
  [{ FEEDGEN_LISTENHOST: '::' }, 'http://[::1]:3000'],
  [{ FEEDGEN_LISTENHOST: '10.0.0.7' }, 'http://10.0.0.7:3000'],
])('in local mode with %o it is asked at %s, and nobody about it', (env, baseUrl) => {
  expect(deploymentOf(env)).toMatchObject({ baseUrl, appViewUrl: undefined })
})

test('with a free port the one that is given says who the service is', () => {
  const { serviceDid } = deploymentOf({ FEEDGEN_PORT: '0' }, { url: 'http://127.0.0.1:4567/' })
  expect(serviceDid).toBe('did:web:localhost%3A4567')
})

test('all that does not fit is named at once', () => {
  const options = { only: 'dogs', appView: 'bsky.app' }
  expect(problemsOf({ FEEDGEN_PORT: '0' }, options)).toEqual([
    expect.stringMatching(/^--appview: give a URL that begins with https/),
    expect.stringMatching(/^--only: feeds.yaml has no feed 'dogs': it has art, cats$/),
    expect.stringMatching(/^FEEDGEN_PORT is 0.*give --url/),
  ])
})
