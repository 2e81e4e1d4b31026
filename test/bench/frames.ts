import { generateFrames } from '../support/streamGenerator.ts'

/** The network's mean rate, in the time of the stream. */
const EVENTS_PER_SECOND = 343

/** So many frames of the full network mix, the same in every process, ending about now. */
export function* freshFrames(count: number): Generator<Buffer, void> {
  const startUs = Math.floor((Date.now() - 1_000 * (count / EVENTS_PER_SECOND)) * 1_000)
  const stream = generateFrames({ seed: 5, startUs, eventsPerSecond: EVENTS_PER_SECOND })
  for (let made = 0; made < count; made += 1) {
    yield Buffer.from(stream.next().value.data)
  }
}

/** The same, made ahead of any measuring. */
export function benchFrames(count: number): Buffer[] {
  return [...freshFrames(count)]
}
