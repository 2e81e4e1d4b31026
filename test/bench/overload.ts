import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchDatabase, benchFeeds } from './database.ts'
import { startProgram } from './measure.ts'
import { FEEDS, writePaths } from './pages.ts'

export interface OverloadOptions {
  readonly posts: number
  readonly connections: number
  /** Of the connections, those that ask for the page for people. */
  readonly people: number
  readonly seconds: number
}

export interface OverloadResult {
  /** In milliseconds, by what was asked for and how it was answered. */
  readonly waits: Readonly<
    Record<string, { count: number; p50: number; p99: number; most: number }>
  >
  readonly errors: number
  /** How long the client itself kept an answer waiting at most: it is part of the waits. */
  readonly clientLagMs: number
  /** The most memory that the server took. */
  readonly serverMib: number
}

const LOOK_EVERY_MS = 200

/** More clients than can be served, each asking again at once. */
export async function measureOverload(options: OverloadOptions): Promise<OverloadResult> {
  const { posts, connections, people, seconds } = options
  const path = await benchDatabase(posts, benchFeeds(FEEDS))
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-bench-'))
  const { deep } = writePaths(folder, path)
  await using server = startProgram('./pageServer.ts', [
    ...['service', `sqlite:${path}`, String(FEEDS), ''],
  ])
  const { port } = await server.next<{ port: number }>()
  let serverMib = 0
  const timer = setInterval(() => {
    serverMib = Math.max(serverMib, residentMib(server.child.pid ?? 0))
  }, LOOK_EVERY_MS)
  const args = [port, deep, connections, people, seconds].map(String)
  await using client = startProgram('./overloadClient.ts', args)
  const result = await client.next<Omit<OverloadResult, 'serverMib'>>()
  clearInterval(timer)
  rmSync(folder, { recursive: true, force: true })
  return { ...result, serverMib }
}

/** 0 where the system does not tell. */
function residentMib(pid: number): number {
  try {
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Math.round(Number(kib ?? 0) / 1_024)
  } catch {
    return 0
  }
}
