import { randomBytes } from 'node:crypto'

/** The part of `@atproto/dev-env` that is used: its types are not there when types are checked. */
interface DevEnv {
  readonly TestNetworkNoAppView: {
    create(options: object): Promise<{
      readonly pds: { readonly url: string; adminAuthHeaders(): Record<string, string> }
      readonly plc: { readonly url: string }
      close(): Promise<void>
    }>
  }
}

export interface PdsNetwork extends AsyncDisposable {
  readonly pdsUrl: string
  readonly plcUrl: string
  /** Calls a method of the PDS, with a token or as its administrator; throws what it refuses. */
  call(nsid: string, call?: PdsCall): Promise<Record<string, unknown>>
  createAccount(): Promise<PdsAccount>
}

export interface PdsCall {
  readonly params?: Record<string, string>
  readonly input?: object
  readonly token?: string
  readonly isAdmin?: boolean
}

export interface PdsAccount {
  readonly did: string
  readonly handle: string
  readonly mainPassword: string
  readonly appPassword: string
  readonly token: string
}

const DEV_ENV = new URL('node_modules/@atproto/dev-env/dist/index.js', import.meta.url).href

async function loadDevEnv(): Promise<DevEnv> {
  try {
    return (await import(/* @vite-ignore */ DEV_ENV)) as DevEnv
  } catch (error) {
    throw new Error('the PDS is not installed: run node test/e2e/pds/install.ts', { cause: error })
  }
}

/** A real PDS and PLC directory on free ports of the loopback, with nothing in them. */
export async function openPdsNetwork(): Promise<PdsNetwork> {
  // It logs every request unless told otherwise.
  process.env['LOG_ENABLED'] = 'false'
  const { TestNetworkNoAppView } = await loadDevEnv()
  const network = await TestNetworkNoAppView.create({})
  const { url: pdsUrl } = network.pds

  async function call(nsid: string, { params, input, token, isAdmin }: PdsCall = {}) {
    const query = new URLSearchParams(params).toString()
    const response = await fetch(`${pdsUrl}/xrpc/${nsid}?${query}`, {
      method: input === undefined ? 'GET' : 'POST',
      headers: {
        ...(input === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(isAdmin === true ? network.pds.adminAuthHeaders() : {}),
      },
      ...(input === undefined ? {} : { body: JSON.stringify(input) }),
    })
    const text = await response.text()
    if (!response.ok) {
      throw new Error(`${nsid} answers ${response.status}: ${text}`)
    }
    return JSON.parse(text || '{}') as Record<string, unknown>
  }

  async function createAccount(): Promise<PdsAccount> {
    const name = `p${randomBytes(4).toString('hex')}`
    const handle = `${name}.test`
    const mainPassword = `main-${randomBytes(8).toString('hex')}`
    const email = `${name}@tagfeed.test`
    const account = await call('com.atproto.server.createAccount', {
      input: { handle, email, password: mainPassword },
    })
    const token = String(account['accessJwt'])
    const app = await call('com.atproto.server.createAppPassword', {
      input: { name: 'tagfeed' },
      token,
    })
    const appPassword = String(app['password'])
    return { did: String(account['did']), handle, mainPassword, appPassword, token }
  }

  return {
    pdsUrl,
    plcUrl: network.plc.url,
    call,
    createAccount,
    [Symbol.asyncDispose]: () => network.close(),
  }
}
