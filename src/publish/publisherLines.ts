import type { Publisher } from './openPublisher.ts'

/** Who publishes what for whom, on top of every plan. */
export function publisherLines({ account, serviceDid, warnings }: Publisher): string[] {
  return [
    `publisher  ${account.handle ?? 'no handle'}, ${account.did}, at ${account.pdsUrl}`,
    `service    ${serviceDid}`,
    ...warnings.map((warning) => `warning    ${warning}`),
  ]
}

/** The same for a machine. */
export function publisherJson({
  account,
  serviceDid,
  warnings,
}: Publisher): Record<string, unknown> {
  const { did, handle = null, pdsUrl } = account
  return { publisher: { did, handle, pdsUrl }, serviceDid, warnings }
}
