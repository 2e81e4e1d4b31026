import { generateFrames } from '../support/streamGenerator.ts'

/** So many frames of the full network mix, the same in every process; generated ahead of any measuring. */
export function benchFrames(count: number): Buffer[] {
  // The stream of about a quarter of an hour at the network's mean rate, ending now.
  const startUs = (Date.now() - 1_000 * (count / 343)) * 1_000
  const frames: Buffer[] = []
  for (const { data } of generateFrames({
    seed: 5,
    startUs: Math.floor(startUs),
    eventsPerSecond: 343,
  })) {
    frames.push(Buffer.from(data))
    if (frames.length >= count) {
      break
    }
  }
  return frames
}
