import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'

/** With what every at-uri of an account begins, and no other's. */
export function authorPrefix(did: string): string {
  return `at://${did}/`
}

/**
 * That a post is not of an account that is hidden while its rows are still there. Nearly always there is
 * no such account, which is found out once for all rows of a query; only then each author is looked for:
 * no prefix begins with another one, so that it can only be the greatest that is not above the at-uri.
 */
export function isAuthorShown(uri: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql<boolean>`(not exists (select 1 from hidden_author where uri_prefix > '')
    or coalesce((select substr(${uri}, 1, length(uri_prefix)) <> uri_prefix from hidden_author
      where uri_prefix <= ${uri} order by uri_prefix desc limit 1), true))`
}
