import type { ServiceIdentity } from '../config/serviceIdentity.ts'
import type { Registry } from '../feeds/registry.ts'

/** The answer of `app.bsky.feed.describeFeedGenerator`. */
export interface Description {
  readonly did: string
  readonly feeds: readonly { readonly uri: string }[]
  readonly links?: { readonly privacyPolicy?: string; readonly termsOfService?: string }
}

export function describeFeedGenerator(identity: ServiceIdentity, registry: Registry): Description {
  const { privacyPolicyUrl, termsOfServiceUrl } = identity
  const links = {
    ...(privacyPolicyUrl === undefined ? {} : { privacyPolicy: privacyPolicyUrl }),
    ...(termsOfServiceUrl === undefined ? {} : { termsOfService: termsOfServiceUrl }),
  }
  return {
    did: identity.serviceDid,
    feeds: registry.feeds.map(({ uri }) => ({ uri })),
    ...(Object.keys(links).length === 0 ? {} : { links }),
  }
}
