/** What is sent for a page. */
export interface PageAnswer {
  readonly status: number
  readonly type: string
  readonly body: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export const HTML_TYPE = 'text/html; charset=utf-8'

/** Nothing but what the page brings along: no script, no frame, no form that goes elsewhere. */
export function securityHeaders(pictures: readonly string[]): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    `img-src 'self' ${pictures.join(' ')}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    'content-security-policy': policy.join('; '),
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  }
}
