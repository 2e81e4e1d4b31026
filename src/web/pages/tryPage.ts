import { countOf } from '../../texts/countOf.ts'
import { html } from '../frame/html.ts'
import type { Html, Part } from '../frame/html.ts'
import { pageFrame } from '../frame/pageFrame.ts'
import type { Site } from '../frame/pageFrame.ts'
import type { ServiceState } from '../frame/serviceState.ts'
import { chips } from '../parts/feedCard.ts'
import { rulesInWords } from '../parts/rulesInWords.ts'
import type { Draft, Mistake } from '../sources/readDraft.ts'
import type { Trial } from '../sources/tryFilter.ts'
import { tagPageUrl } from './tagPageUrl.ts'

export interface TryPageOptions {
  readonly site: Site
  readonly state: ServiceState
  /** As it was written; undefined when nothing was. */
  readonly written: string | undefined
  readonly draft: Draft | undefined
  readonly trial: Trial | undefined
  /** The posts of the trial as `postArticle`s. */
  readonly posts: readonly Html[]
}

export const MAX_DRAFT_LENGTH = 6_000

const EXAMPLE = `rkey: film-photography
name: Film photography
description: Photographs taken on film
tags:
  any: [filmphotography, analogphotography, 35mm]
  none: [aiart, aigenerated]
media: [image]
labels:
  none: [porn, sexual, nudity]
maxTags: 15
`

/** A feed that is written here, and what it would show. */
export function tryPage(options: TryPageOptions): string {
  const { site, state, written, draft } = options
  return pageFrame({
    ...{ site, state, title: 'Try a feed', path: '/try', isHidden: written !== undefined },
    description: 'Write the definition of a feed and see the posts that it would show.',
    main: html`<h1>Try a feed</h1>
      <p class="lead">
        Write a definition as it stands in <code>feeds.yaml</code>, and see what it would show now.
        Nothing is stored.
      </p>
      <div class="sides">
        <form action="/try" method="get">
          <label for="yaml">Definition</label>
          ${area(written ?? EXAMPLE, (draft?.mistakes.length ?? 0) > 0)}
          <button type="submit">Show its posts</button>
        </form>
        <section aria-label="What it gives">${result(options)}</section>
      </div>`,
  })
}

function area(text: string, hasMistakes: boolean): Html {
  const invalid = hasMistakes ? html` aria-invalid="true" aria-describedby="mistakes"` : undefined
  // A line feed right after the tag is not part of the text.
  return html`<textarea
    id="yaml"
    name="yaml"
    rows="18"
    maxlength="${MAX_DRAFT_LENGTH}"
    spellcheck="false"
    autocapitalize="off"
    required${invalid}
  >
${text}</textarea>`
}

function result({ written, draft, trial, posts }: TryPageOptions): Part {
  if (written === undefined || draft === undefined) {
    return html`<p class="quiet">Its posts, and how many a day, come here.</p>`
  }
  const { definition, mistakes, yaml, feeds } = draft
  if (definition === undefined || trial === undefined) {
    return html`<h2>${countOf(mistakes.length, 'mistake')}</h2>
      <ol class="mistakes" id="mistakes">
        ${mistakes.map((each) => mistakeItem(each, written))}
      </ol>`
  }
  const { lastDay, beside, isWhole } = trial
  return html`<h2><bdi>${definition.name}</bdi></h2>
    ${chips(rulesInWords(definition))}
    <p class="lead">
      ${isWhole ? undefined : 'At least '}${countOf(lastDay, 'post')} in the last 24 hours.
    </p>
    ${isWhole ? undefined : html`<p class="quiet">Its tags have very many posts: not all were looked at.</p>`}
    ${feeds > 1 ? html`<p class="quiet">There are ${feeds} feeds in it: this is the first.</p>` : undefined}
    ${
      definition.order === 'recent'
        ? undefined
        : html`<p class="quiet">Its posts are shown newest first here, whatever its order.</p>`
    }
    ${
      beside.length === 0
        ? undefined
        : html`<h3>Its posts also carry</h3>
            <ul class="chips">
              ${beside.map(
                ([tag, count]) =>
                  html`<li>
                    <a href="${tagPageUrl(tag)}"><bdi>#${tag}</bdi></a> ${count}
                  </li>`,
              )}
            </ul>`
    }
    <h3>For feeds.yaml, under <code>feeds:</code></h3>
    <pre tabindex="0"><code>${yaml}</code></pre>
    <h3>Its posts now</h3>
    ${
      posts.length === 0
        ? html`<p>
            None of the stored posts passes its rules: give it more tags, or loosen the other rules.
          </p>`
        : html`<div class="posts">${posts}</div>`
    }`
}

function mistakeItem({ line, column, message }: Mistake, written: string): Html {
  const text = written.replaceAll('\r\n', '\n').split('\n')[line - 1] ?? ''
  return html`<li>
    <b>Line ${line}, column ${column}</b>: ${message}
    ${text.trim() === '' ? undefined : html`<br /><code>${text.trim().slice(0, 200)}</code>`}
  </li>`
}
