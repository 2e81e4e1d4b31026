/** The checks, in the order that a reader's request takes. */
export type Check =
  | 'configuration'
  | 'dns'
  | 'tls'
  | 'service'
  | 'did'
  | 'describe'
  | 'record'
  | 'skeleton'
  | 'answers'
  | 'appview'
  | 'clock'
  | 'ingest'

/** `skipped`: it could not be done, because of what an earlier check found or of how the doctor was called. */
export type Verdict = 'ok' | 'warning' | 'failure' | 'skipped'

/** One thing that was looked at, and what came of it. */
export interface Finding {
  readonly check: Check
  readonly verdict: Verdict
  /** The record key of the feed that it is about, when it is about one. */
  readonly feed?: string
  /** What was found, in plain words; parts that a server sent are bounded and harmless to print. */
  readonly message: string
  /** What to do about it. */
  readonly advice?: string
  /** The words that the Bluesky app shows its users because of it. */
  readonly readersSee?: string | undefined
}

type Details = Pick<Finding, 'feed' | 'advice' | 'readersSee'>

/** Makes the findings of one check. */
export interface Notes {
  ok(message: string, details?: Details): Finding
  warning(message: string, details?: Details): Finding
  failure(message: string, details?: Details): Finding
  skipped(message: string, details?: Details): Finding
}

export function notesOf(check: Check): Notes {
  const note =
    (verdict: Verdict) =>
    (message: string, details: Details = {}): Finding => ({ check, verdict, message, ...details })
  return {
    ok: note('ok'),
    warning: note('warning'),
    failure: note('failure'),
    skipped: note('skipped'),
  }
}

/** How many findings there are of each verdict. */
export function countVerdicts(findings: readonly Finding[]): Readonly<Record<Verdict, number>> {
  const counts = { ok: 0, warning: 0, failure: 0, skipped: 0 }
  for (const { verdict } of findings) {
    counts[verdict] += 1
  }
  return counts
}
