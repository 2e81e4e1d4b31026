/** The limit of ingest: each frame as text, parsed, and thrown away. */
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
const before = cpuSeconds(process.cpuUsage())
const startedAt = performance.now()
parseAll()
tell({
  cpu: cpuSeconds(process.cpuUsage()) - before,
  seconds: (performance.now() - startedAt) / 1000,
  kept,
})
