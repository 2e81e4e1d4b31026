import { readServiceToken } from '../../src/viewers/serviceToken.ts'
import type { Viewers } from '../../src/viewers/viewers.ts'

/** For what is the same for everybody: nobody is known, and nothing of anybody. */
export const noViewers = {
  verify: (authorization: string | undefined, method: string) =>
    authorization === undefined
      ? Promise.resolve(undefined)
      : Promise.resolve(
          readServiceToken(authorization, { serviceDid: '', method, nowSeconds: 0 }).issuer,
        ),
  less: { isEmpty: true, mayHave: () => false },
} as unknown as Viewers
