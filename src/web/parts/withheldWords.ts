import type { WithheldReason } from '../../appview/postView.ts'

/** Why the text of a post is not there, for readers. */
export const WITHHELD_WORDS: Readonly<Record<WithheldReason, string>> = {
  login: 'Its author shows it only to people who are logged in.',
  adult: 'It is labelled as being for adults, and not shown here.',
  warned: 'It is labelled with a warning, and not shown here.',
  gone: 'It is not available: deleted, or hidden by Bluesky.',
  unknown: 'Its text cannot be fetched at the moment.',
}
