/** A stand-in for the AppView: it answers `app.bsky.feed.getPosts` with posts that it is given. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { openLocalServer } from './localServer.ts'
import type { LocalServer } from './localServer.ts'

export interface AppViewServer extends LocalServer {
  /** The at-uris of each call. */
  readonly calls: readonly (readonly string[])[]
  /** From now on it fails so: with a status, or by not answering for a while. */
  failure: { status?: number; waitMs?: number; headers?: Record<string, string> } | undefined
}

/** `postView`s by at-uri; undefined for a post that is not there. */
export type FindView = (uri: string, baseUrl: string) => object | undefined

/** A picture at a path, as SVG. */
export type DrawPicture = (path: string) => string

export async function openAppViewServer(
  find: FindView,
  draw: DrawPicture = () => '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>',
): Promise<AppViewServer> {
  const calls: string[][] = []
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', server.url)
    if (url.pathname.endsWith('.svg')) {
      response.writeHead(200, { 'content-type': 'image/svg+xml' })
      response.end(draw(url.pathname))
      return
    }
    if (url.pathname !== '/xrpc/app.bsky.feed.getPosts') {
      response.writeHead(404).end()
      return
    }
    const uris = url.searchParams.getAll('uris')
    calls.push(uris)
    const { status = 200, waitMs = 0, headers = {} } = appView.failure ?? {}
    const posts = uris.flatMap((uri) => find(uri, server.url) ?? [])
    const isGood = status === 200 && uris.length <= 25
    setTimeout(() => {
      response.writeHead(isGood ? 200 : status, { 'content-type': 'application/json', ...headers })
      response.end(JSON.stringify(isGood ? { posts } : { error: 'Away', message: 'not now' }))
    }, waitMs)
  }
  const server = await openLocalServer(listener)
  const appView: AppViewServer = Object.assign(server, { calls, failure: undefined })
  return appView
}
