import type { TrendingOptions } from '../../feeds/feedDefinition.ts'
import { countOf } from '../../texts/countOf.ts'
import { US_PER_HOUR } from '../../time.ts'
import type { Explanation } from '../../trending/explainRanking.ts'
import { html } from '../frame/html.ts'
import type { Html } from '../frame/html.ts'
import { ageInWords } from './age.ts'

const KINDS = [
  ['likes', 'like', undefined],
  ['reposts', 'repost', undefined],
  ['replies', 'reply', 'replies'],
  ['quotes', 'quote', undefined],
  ['views', 'view', undefined],
] as const

/** Rank, score, and what it is made of: in words, the arithmetic on demand. */
export function rankingReason(explanation: Explanation, options: TrendingOptions): Html {
  const { rank, score, counts, ageHours, boost, penalty } = explanation
  const { weights, gravity, minAgeHours } = options
  const parts = KINDS.filter(([kind]) => counts[kind] > 0)
  const words = parts.map(([kind, noun, plural]) => countOf(counts[kind], noun, plural))
  const terms = parts.map(
    ([kind, , plural]) => `${counts[kind]} ${plural ?? kind} × ${weights[kind]}`,
  )
  const age = Math.max(ageHours, minAgeHours).toFixed(1)
  return html`<details class="why">
    <summary>
      <b>#${rank}</b> score ${formatScore(score)}:
      ${words.length === 0 ? 'no engagement yet' : words.join(', ')},
      ${ageInWords(ageHours * US_PER_HOUR)} old
    </summary>
    <p>
      (${terms.length === 0 ? '0' : terms.join(' + ')}) / ${age}
      h<sup>${gravity}</sup>${
        boost === 1 ? undefined : ` × ${boost} as featured`
      }${penalty === 1 ? undefined : ` × ${formatScore(penalty)} beside better posts of the same author`}
      = ${formatScore(score)}
    </p>
  </details>`
}

function formatScore(score: number): string {
  return score === 0 || score >= 0.01
    ? String(Number(score.toPrecision(3)))
    : score.toExponential(1)
}
