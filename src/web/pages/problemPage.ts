import { html } from '../frame/html.ts'
import { pageFrame } from '../frame/pageFrame.ts'
import type { Site } from '../frame/pageFrame.ts'
import type { ServiceState } from '../frame/serviceState.ts'

export interface ProblemPageOptions {
  readonly site: Site
  readonly state: ServiceState
  readonly title: string
  /** What to do now, as a sentence. */
  readonly message: string
  readonly back?: { readonly path: string; readonly name: string }
}

/** What cannot be shown, and the way on. */
export function problemPage({ site, state, title, message, back }: ProblemPageOptions): string {
  const { path, name } = back ?? { path: '/', name: 'All feeds' }
  return pageFrame({
    ...{ site, state, title, path, isHidden: true },
    description: message,
    main: html`<h1>${title}</h1>
      <p class="lead">${message}</p>
      <p><a href="${path}">${name}</a></p>`,
  })
}
