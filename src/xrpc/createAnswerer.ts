import type { Express } from 'express'
import type { Logger } from '../logger.ts'
import type { Answerer } from '../queue/answerer.ts'
import type { Metrics } from '../status/metrics.ts'
import type { GetFeedSkeleton } from './getFeedSkeleton.ts'

export interface AnswererOptions {
  /** Undefined when this process does not serve feeds. */
  readonly getFeedSkeleton: GetFeedSkeleton | undefined
  readonly framework: Express
  readonly metrics: Metrics
  readonly logger: Logger
}

/** While there is overload, so often it is said. */
const TELL_EVERY_MS = 60_000

/** Answers feeds ahead of the framework, and counts what is not answered as it should be. */
export function createAnswerer(options: AnswererOptions): Answerer {
  const { getFeedSkeleton, framework, metrics, logger } = options
  let toldAt = Number.NEGATIVE_INFINITY
  return {
    answer: (asked) => {
      if (getFeedSkeleton?.respond(asked) !== true) {
        framework(asked.request, asked.response)
      }
    },
    abandoned: (asked) => {
      const feed = getFeedSkeleton?.feedOf(asked)
      if (feed !== undefined) {
        metrics.answerAbandoned(feed)
      }
    },
    late: (asked) => {
      const feed = getFeedSkeleton?.feedOf(asked)
      if (feed !== undefined) {
        metrics.answerLate(feed)
      }
    },
    refused: (kind) => {
      metrics.requestRefused(kind)
      const now = performance.now()
      if (now - toldAt >= TELL_EVERY_MS) {
        toldAt = now
        logger.warn(
          { event: 'overloaded', kind },
          'more is asked than can be answered in time: some are told to come back later (429)',
        )
      }
    },
  }
}
