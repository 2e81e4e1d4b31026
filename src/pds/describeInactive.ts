const MEANINGS = new Map([
  ['takendown', 'has been taken down: ask the operator of its PDS'],
  ['suspended', 'is suspended: ask the operator of its PDS'],
  ['deactivated', 'is deactivated: log in to the app and activate it first'],
])

/** Why an account that is not active cannot publish, as a sentence; the status is an open set. */
export function describeInactive(account: string, status: unknown): string {
  const meaning = MEANINGS.get(String(status)) ?? 'is not active: log in to the app to see why'
  return `the account ${account} ${meaning}`
}
