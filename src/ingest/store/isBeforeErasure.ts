import { US_PER_SECOND } from '../../time.ts'
import type { Us } from '../../time.ts'

/** Times of two hosts differ by up to a minute, and so does what one host says of a server that is ahead. */
const DOUBT_US = 120 * US_PER_SECOND

/**
 * Whether an event was before the deletion of its account, by the times that hosts told. Of a record that
 * was stored before the deletion the trace knows better: this is for records that are seen for the first
 * time after it, by a replay. Within two minutes of the deletion the two times may be of two hosts: there
 * it counts only where the stream was not read before, so that there can be no trace.
 */
export function isBeforeErasure(
  timeUs: Us,
  erasedUs: Us,
  coveredSinceUs: Us = Number.POSITIVE_INFINITY,
): boolean {
  return timeUs < erasedUs && (timeUs < erasedUs - DOUBT_US || timeUs < coveredSinceUs + DOUBT_US)
}
