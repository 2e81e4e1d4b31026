/** What the filters of feeds ask about a post; the stored and the live form are the same. */
export interface PostFacts {
  /** All distinct canonical tags, in the order of the record. */
  readonly tags: readonly string[]
  /** Bits of `MEDIA_BIT`; 0 = no media. */
  readonly media: number
  /** Distinct canonical primary subtags (`canonicalLanguage`); empty when the post names no readable language. */
  readonly languages: readonly string[]
  /** Distinct self-labels. */
  readonly labels: readonly string[]
}
