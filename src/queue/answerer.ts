import type { Asked } from './clientConnection.ts'
import type { RequestKind } from './shedder.ts'

/** Who answers, and who is told of what was not answered as it should be. */
export interface Answerer {
  answer(asked: Asked): void
  /** The client left before its answer was made. */
  abandoned?(asked: Asked): void
  /** It took so long that the answer was an error. */
  late?(asked: Asked): void
  refused?(kind: RequestKind): void
}
