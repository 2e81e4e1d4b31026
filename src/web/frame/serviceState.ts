import { FRESHNESS_MS } from '../../status/freshness.ts'
import { unreadiness, warnings } from '../../status/health.ts'
import type { HealthOptions } from '../../status/health.ts'

/** How the service is, in a few words for the bar of every page. */
export interface ServiceState {
  readonly level: 'good' | 'warn' | 'bad'
  readonly words: string
  /** What is wrong and what to do; undefined while all is well. */
  readonly sentence: string | undefined
}

export function stateOf(health: HealthOptions): ServiceState {
  const reasons = unreadiness(health)
  if (reasons.length > 0) {
    return { level: 'bad', words: 'not ready', sentence: sentenceOf(reasons, adviceOf(health)) }
  }
  const warned = warnings(health)
  const words = `live · ${behind(health)}`
  return warned.length > 0
    ? { level: 'warn', words, sentence: sentenceOf(warned, 'The log has more') }
    : { level: 'good', words, sentence: undefined }
}

function behind({ ingestStatus }: HealthOptions): string {
  const { lagMs, isSilent, connected } = ingestStatus() ?? {}
  if (connected === false) {
    return 'connecting again'
  }
  if (isSilent === true || lagMs === undefined) {
    return 'quiet'
  }
  return `${(Math.max(lagMs, 0) / 1000).toFixed(1)} s behind`
}

function sentenceOf(reasons: readonly string[], advice: string): string {
  const [first = '', ...others] = reasons
  const said = [first.charAt(0).toUpperCase() + first.slice(1), ...others].join('; ')
  return `${said}. ${advice}.`
}

function adviceOf({ ingestStatus, databaseProblem }: HealthOptions): string {
  const status = ingestStatus()
  if (databaseProblem?.() !== undefined) {
    return 'Put the database file back and start the service again'
  }
  if (status === undefined) {
    return 'Wait a minute; if it stays so, start a process with the role ingest'
  }
  if (status.clockProblem !== undefined) {
    return 'Set the clock of this machine'
  }
  if (!status.connected) {
    return (
      'It goes on trying by itself; if it stays so, look at the network of this machine, and at what ' +
      'npm run doctor says'
    )
  }
  if (status.waitingSinceUs !== undefined) {
    return 'Look at the database and at the log'
  }
  if (status.lagMs === undefined) {
    return 'The first events take a few seconds'
  }
  return status.lagMs < FRESHNESS_MS
    ? 'The first ranking takes a minute; if it stays so, start a process with the role rank'
    : 'It catches up by itself: wait a few minutes; npm run doctor says more'
}
