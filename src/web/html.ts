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

type Part = Html | string | number | readonly Html[]

/** A template whose values are escaped, but for those that are HTML already. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const text = strings.map((string, index) => {
    const part = parts[index]
    return part === undefined ? string : string + render(part)
  })
  return new Html(text.join(''))
}

function render(part: Part): string {
  if (part instanceof Html) {
    return part.text
  }
  return typeof part === 'object'
    ? part.map(({ text }) => text).join('')
    : String(part).replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '')
}
