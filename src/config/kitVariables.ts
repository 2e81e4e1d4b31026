/** Variables of the official starter kit that have another name here: what to write instead. */
export const kitVariables: ReadonlyMap<string, string> = new Map([
  [
    'FEEDGEN_SQLITE_LOCATION',
    'here it is FEEDGEN_DATABASE_URL=sqlite:PATH, with the path of a new file',
  ],
  [
    'FEEDGEN_SUBSCRIPTION_ENDPOINT',
    'here it is FEEDGEN_JETSTREAM_URLS, for hosts of Jetstream instead of a relay: remove it for the public ones',
  ],
  [
    'FEEDGEN_SUBSCRIPTION_RECONNECT_DELAY',
    'here it is not needed, the service connects again by itself: remove it',
  ],
])
