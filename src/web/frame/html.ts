/** HTML that is safe to send as it is. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
/** What has to be escaped in HTML, SVG and XML, and the controls that may stand in none of them. */
// oxlint-disable-next-line no-control-regex
const SPECIAL = /[&<>"'\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F\uFFFE\uFFFF]/g

export type Part = Html | string | number | undefined | readonly Part[]

/** The texts of each template without the indentation that only the code needs. */
const shortened = new WeakMap<TemplateStringsArray, readonly string[]>()

/** A template whose values are escaped, but for those that are HTML already; undefined is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let texts = shortened.get(strings)
  if (texts === undefined) {
    texts = strings.map((text) => text.replaceAll(/\s*\n\s*/g, '\n'))
    shortened.set(strings, texts)
  }
  let made = ''
  for (const [index, text] of texts.entries()) {
    made += text + render(parts[index])
  }
  return new Html(made)
}

/** A text as it may stand in HTML, in a quoted attribute, and in XML. */
export function escapeText(text: string): string {
  // XML takes no half of a surrogate pair.
  return text.toWellFormed().replaceAll(SPECIAL, (character) => ESCAPES[character] ?? '')
}

function render(part: Part): string {
  if (part === undefined) {
    return ''
  }
  if (part instanceof Html) {
    return part.text
  }
  return typeof part === 'object'
    ? part.map((each) => render(each)).join('')
    : escapeText(String(part))
}
