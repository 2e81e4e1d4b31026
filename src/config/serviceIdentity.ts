import { localServiceDid } from './config.ts'
import type { Config } from './config.ts'

/** Who this service is, once its port is known. */
export interface ServiceIdentity {
  /** Who answers: what the `did` of each feed's record says. */
  readonly serviceDid: string
  /** Whose repository holds the records of the feeds. */
  readonly publisherDid: string
  /** Where requests are answered, without a slash at the end. */
  readonly endpoint: string
  readonly privacyPolicyUrl: string | undefined
  readonly termsOfServiceUrl: string | undefined
}

/** Without a host name (local mode) the service is known by the port it listens on. */
export function identityOf(config: Config, port: number): ServiceIdentity {
  const { hostname, privacyPolicyUrl, termsOfServiceUrl } = config
  const serviceDid = config.serviceDid ?? localServiceDid(port)
  return {
    serviceDid,
    publisherDid: config.publisherDid ?? serviceDid,
    endpoint: hostname === undefined ? `http://localhost:${port}` : `https://${hostname}`,
    privacyPolicyUrl,
    termsOfServiceUrl,
  }
}
