/**
 * The limit of ingest: each frame as text, parsed, and thrown away. `COUNT` once, after a first pass;
 * `COUNT beside` over and over until SIGUSR2, beside something else that is measured.
 */
import { benchFrames } from './frames.ts'
import { cpuSeconds, tell } from './measure.ts'

const frames = benchFrames(Number(process.argv[2]))
let kept = 0
const parseAll = (): void => {
  for (const frame of frames) {
    const event = JSON.parse(frame.toString('utf8')) as { did: string }
    kept += event.did.length
  }
}
parseAll()
const isBeside = process.argv[3] === 'beside'
if (isBeside) {
  tell({})
}
const before = cpuSeconds(process.cpuUsage())
const startedAt = performance.now()
let passes = 0
const over = new AbortController()
process.once('SIGUSR2', () => over.abort())
for (;;) {
  parseAll()
  passes += 1
  await new Promise(setImmediate)
  if (!isBeside || over.signal.aborted) {
    break
  }
}
tell({
  cpu: (cpuSeconds(process.cpuUsage()) - before) / passes,
  seconds: (performance.now() - startedAt) / 1000 / passes,
  kept,
})
