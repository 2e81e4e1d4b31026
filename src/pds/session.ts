/**
 * A session at the publisher's PDS. It begins with the password, and with a code from an e-mail where the
 * server wants one. When the server takes its token no more, the session is refreshed; when that fails,
 * it is opened once more with the password. A call is repeated once at most.
 */
import type { Account } from '../identity/resolveAccount.ts'
import { describeInactive } from './describeInactive.ts'
import type { JsonObject } from './json.ts'
import { PdsError } from './pdsError.ts'
import type { Person } from './person.ts'
import type { XrpcCall, XrpcClient } from './xrpcClient.ts'

export interface Credentials {
  /** Undefined is asked for. */
  readonly password: string | undefined
  readonly person: Person | undefined
}

interface Tokens {
  readonly access: string
  readonly refresh: string
}

const NO_PASSWORD =
  'there is no password, and nobody to ask for it: set FEEDGEN_PUBLISHER_PASSWORD to an app password'
const NO_CODE =
  'the PDS has sent a sign-in code by e-mail, and there is nobody to ask for it: use an app password, which needs no code'
const CODE_ERROR = 'AuthFactorTokenRequired'
const CODE_ATTEMPTS = 3
const END_TIMEOUT_MS = 3_000

export class Session implements AsyncDisposable {
  readonly #client: XrpcClient
  readonly #account: Account
  readonly #password: string
  readonly #person: Person | undefined
  #tokens: Tokens

  private constructor(
    client: XrpcClient,
    account: Account,
    credentials: Credentials & { password: string; tokens: Tokens },
  ) {
    this.#client = client
    this.#account = account
    this.#password = credentials.password
    this.#person = credentials.person
    this.#tokens = credentials.tokens
  }

  /**
   * Logs in as this account and no other.
   * @throws PdsError saying why not
   */
  static async open(
    client: XrpcClient,
    account: Account,
    { password: given, person }: Credentials,
  ): Promise<Session> {
    const name = account.handle ?? account.did
    const password = given ?? (await person?.askSecret(`App password of ${name}: `))?.trim()
    if (password === undefined || password === '') {
      throw new PdsError(password === undefined ? NO_PASSWORD : 'no password was given')
    }
    client.secrets.add(password)
    const tokens = await logIn(client, account, { password, person })
    return new Session(client, account, { password, person, tokens })
  }

  /** Calls a method in the name of the account. */
  async call(call: XrpcCall): Promise<JsonObject> {
    const { access } = this.#tokens
    try {
      return await this.#client.call({ ...call, token: access })
    } catch (error) {
      if (!(error instanceof PdsError && error.isSessionOver)) {
        throw error
      }
      await this.#renew()
      return await this.#client.call({ ...call, token: this.#tokens.access })
    }
  }

  async #renew(): Promise<void> {
    const call = {
      nsid: 'com.atproto.server.refreshSession',
      input: 'none' as const,
      token: this.#tokens.refresh,
    }
    try {
      this.#tokens = readTokens(this.#client, await this.#client.call(call))
    } catch (error) {
      if (!(error instanceof PdsError && error.isSessionOver)) {
        throw error
      }
      const credentials = { password: this.#password, person: this.#person }
      this.#tokens = await logIn(this.#client, this.#account, credentials)
    }
  }

  /** Ends the session at the server too: its tokens are of use for months. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#client.call({
        nsid: 'com.atproto.server.deleteSession',
        input: 'none',
        token: this.#tokens.refresh,
        // Also when the command is stopped, and not for long when the server is silent.
        signal: AbortSignal.timeout(END_TIMEOUT_MS),
      })
    } catch {
      // What was to be done is done or has failed; that a session stays open changes neither.
    }
  }
}

async function logIn(
  client: XrpcClient,
  account: Account,
  { password, person }: Credentials & { password: string },
): Promise<Tokens> {
  const answer = await createSession(client, { identifier: account.did, password }, person)
  const tokens = readTokens(client, answer)
  if (answer['did'] !== account.did) {
    throw new PdsError(
      `${client.host} logged in another account than ${account.did}: nothing is done`,
    )
  }
  if (answer['active'] === false) {
    throw new PdsError(describeInactive(account.handle ?? account.did, answer['status']))
  }
  return tokens
}

async function createSession(
  client: XrpcClient,
  credentials: { readonly identifier: string; readonly password: string },
  person: Person | undefined,
): Promise<JsonObject> {
  let code: string | undefined
  for (let attempt = 0; ; attempt += 1) {
    const input: JsonObject =
      code === undefined ? { ...credentials } : { ...credentials, authFactorToken: code }
    try {
      return await client.call({ nsid: 'com.atproto.server.createSession', input })
    } catch (error) {
      const isCodeWanted =
        error instanceof PdsError &&
        (error.error === CODE_ERROR || (code !== undefined && error.error.endsWith('Token')))
      if (!isCodeWanted || attempt === CODE_ATTEMPTS) {
        throw describeRefusal(error, credentials.identifier)
      }
      if (person === undefined) {
        throw new PdsError(NO_CODE)
      }
      const before = code === undefined ? '' : 'That code is not taken. '
      code = (await person.ask(`${before}Sign-in code from the e-mail: `)).trim()
      client.secrets.add(code)
    }
  }
}

function describeRefusal(error: unknown, did: string): unknown {
  const isRefused =
    error instanceof PdsError && error.status === 401 && error.error === 'AuthenticationRequired'
  return isRefused
    ? new PdsError(
        `the password is not one of ${did}: make an app password in the app (Settings, Privacy and security, ` +
          'App passwords) and give that',
      )
    : error
}

function readTokens(client: XrpcClient, answer: JsonObject): Tokens {
  const { accessJwt: access, refreshJwt: refresh } = answer
  if (typeof access !== 'string' || typeof refresh !== 'string') {
    throw new PdsError(`${client.host} gives no session: is it a PDS?`)
  }
  client.secrets.add(access, refresh)
  return { access, refresh }
}
