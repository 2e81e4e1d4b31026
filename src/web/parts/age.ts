import { formatUs, US_PER_SECOND } from '../../time.ts'
import type { Us } from '../../time.ts'
import { html } from '../frame/html.ts'
import type { Html } from '../frame/html.ts'

const STEPS: readonly (readonly [unit: string, seconds: number, until: number])[] = [
  ['s', 1, 60],
  ['min', 60, 3_600],
  ['h', 3_600, 2 * 86_400],
  ['days', 86_400, 60 * 86_400],
  ['months', 30 * 86_400, 2 * 365 * 86_400],
]

/** A duration in its largest fitting unit: `12 s`, `5 min`, `3 h`, `4 days`. */
export function ageInWords(us: Us): string {
  const seconds = Math.max(0, us / US_PER_SECOND)
  const [unit, size] = STEPS.find(([, , until]) => seconds < until) ?? ['years', 365 * 86_400]
  return `${Math.floor(seconds / size)} ${unit}`
}

/** A moment as people say it, with the exact one for machines and on hovering. */
export function timeAgo(us: Us, nowUs: Us): Html {
  const exact = formatUs(us)
  return html`<time datetime="${exact}" title="${exact}">${ageInWords(nowUs - us)} ago</time>`
}
