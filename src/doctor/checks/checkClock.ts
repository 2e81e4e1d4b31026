import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'

/** How far clocks are ahead of the one of this machine; undefined when they could not be read. */
export interface Clocks {
  readonly serviceAheadMs: number | undefined
  readonly appViewAheadMs: number | undefined
}

/** `Date` has whole seconds, and an answer takes its time. */
const NOTICED_MS = 5_000
/** Ingest takes events for wrong that are further ahead, and tokens live for a minute. */
const HARMFUL_MS = 60_000
const SET = 'let the machine take its time from the network (timedatectl set-ntp true)'
const note = notesOf('clock')

/** Compares the clocks of the service, of the AppView and of this machine. */
export function checkClock({ serviceAheadMs, appViewAheadMs }: Clocks): Finding[] {
  if (serviceAheadMs === undefined) {
    return [note.skipped('the service does not tell its time (no Date in its answers)')]
  }
  if (appViewAheadMs === undefined) {
    return [judge(serviceAheadMs, 'the service', 'this machine')]
  }
  const findings = [judge(serviceAheadMs - appViewAheadMs, 'the service', 'the AppView')]
  if (Math.abs(appViewAheadMs) >= NOTICED_MS) {
    const message = `this machine, where the doctor runs, is ${describe(-appViewAheadMs)} the AppView`
    findings.push(note.warning(message, { advice: SET }))
  }
  return findings
}

function judge(aheadMs: number, subject: string, reference: string): Finding {
  if (Math.abs(aheadMs) < NOTICED_MS) {
    return note.ok(`${subject} and ${reference} agree on the time`)
  }
  const message = `the clock of ${subject} is ${describe(aheadMs)} that of ${reference}`
  return Math.abs(aheadMs) >= HARMFUL_MS
    ? note.failure(`${message}: posts stand in the wrong place, and tokens are refused`, {
        advice: SET,
      })
    : note.warning(message, { advice: SET })
}

function describe(aheadMs: number): string {
  return `${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'}`
}
