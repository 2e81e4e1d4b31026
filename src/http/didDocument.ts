import type { ServiceIdentity } from '../config/serviceIdentity.ts'

/** The document of a `did:web` service, as the AppView reads it; undefined for any other DID. */
export function didDocument({ serviceDid, endpoint }: ServiceIdentity): object | undefined {
  if (!serviceDid.startsWith('did:web:')) {
    return undefined
  }
  return {
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: serviceDid,
    service: [{ id: '#bsky_fg', type: 'BskyFeedGenerator', serviceEndpoint: endpoint }],
  }
}
