/**
 * Who asks: the DID whose service token a request carries, checked for the method that is called;
 * undefined when it carries none.
 * @throws RequestError 401 with the names of `@atproto/xrpc-server`, or 503 when the key of the issuer
 *   cannot be read now
 */
export type VerifyViewer = (
  authorization: string | undefined,
  method: string,
) => Promise<string | undefined>
