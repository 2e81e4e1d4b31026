import { html } from '../frame/html.ts'
import type { Html } from '../frame/html.ts'

const BAR = 2
const STEP = 3
const HEIGHT = 32

/**
 * Bars side by side, oldest first, the last one marked: it is not over yet. The title is what those
 * hear who do not see it. As two paths: forty-eight elements would be ten times as long.
 */
export function barChart(values: readonly number[], title: string): Html {
  const top = Math.max(1, ...values)
  const bars = values.map((value, index) => {
    // What is not nothing is seen.
    const height = value === 0 ? 0 : Math.max(1, Math.round((value / top) * HEIGHT))
    return height === 0 ? '' : `M${index * STEP} ${HEIGHT}v-${height}h${BAR}v${height}z`
  })
  const now = bars.pop() ?? ''
  return html`<svg
    class="chart"
    role="img"
    viewBox="0 0 ${values.length * STEP - 1} ${HEIGHT}"
    preserveAspectRatio="none"
  >
    <title>${title}</title>
    <path d="${bars.join('')}" />
    <path class="now" d="${now}" />
  </svg>`
}
