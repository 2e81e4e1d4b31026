import type { Deployment } from '../deployment.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'

const note = notesOf('configuration')

/** What the settings say, and what they say together. That they can be read is known by now. */
export function checkConfiguration(deployment: Deployment): Finding[] {
  const { hostname, serviceDid, publisherDid, feeds, allFeeds, allowLocalNetwork } = deployment
  const served = feeds.length === 1 ? `the feed ${feeds[0]?.rkey}` : `${feeds.length} feeds`
  const count = feeds.length === allFeeds.length ? served : `${served} of ${allFeeds.length}`
  const findings = [
    note.ok(
      `${count}, served as ${serviceDid} at ${deployment.baseUrl}, published by ${publisherDid}`,
    ),
  ]
  if (hostname === undefined) {
    findings.push(
      note.warning('local mode (FEEDGEN_HOSTNAME is not set): nobody else can reach this service', {
        advice:
          'set FEEDGEN_HOSTNAME to the public host name: docs/deployment.md goes step by step',
      }),
    )
  } else if (!canPublish(deployment)) {
    findings.push(
      note.failure(
        'FEEDGEN_PUBLISHER_DID is not set, and the service DID has no repository for the records of the feeds',
        { advice: 'set FEEDGEN_PUBLISHER_DID to the DID of the account that is to show the feeds' },
      ),
    )
  }
  if (allowLocalNetwork) {
    findings.push(
      note.warning('FEEDGEN_ALLOW_LOCAL_NETWORK is true: the local network is trusted', {
        advice: 'set it for tests and local networks only',
      }),
    )
  }
  return findings
}

/** Whether there is an account: a did:web that only this service answers for has no repository. */
export function canPublish({ serviceDid, publisherDid }: Deployment): boolean {
  return publisherDid !== serviceDid || !publisherDid.startsWith('did:web:')
}
