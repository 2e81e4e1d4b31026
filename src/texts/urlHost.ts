/** An IPv6 address stands in brackets in a URL. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
