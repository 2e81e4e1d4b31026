import { html } from '../frame/html.ts'
import type { Html } from '../frame/html.ts'

const COLOURS = 12
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** The picture of a feed; one that has none has the first letter of its name on a colour of its own. */
export function feedFace(rkey: string, name: string, picture: string | undefined): Html {
  if (picture !== undefined) {
    return html`<img class="face" src="${picture}" alt="" width="48" height="48" loading="lazy" />`
  }
  const [first] = graphemes.segment(name.trim())
  let sum = 0
  for (const character of rkey) {
    sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9_973
  }
  return html`<span class="face c${sum % COLOURS}" aria-hidden="true"
    >${first?.segment.slice(0, 8) ?? ''}</span
  >`
}
