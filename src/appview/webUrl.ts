/** Whether a text is an address of the web: no script, no file, nothing of this page. */
export function isWebUrl(text: string): boolean {
  return /^https?:\/\//iu.test(text) && URL.canParse(text)
}

/** Whether a picture may be loaded from there: by https, or from this machine where that is allowed. */
export function isPictureUrl(text: string, allowLocalNetwork: boolean): boolean {
  if (!isWebUrl(text)) {
    return false
  }
  const { protocol, hostname } = new URL(text)
  return (
    protocol === 'https:' ||
    (allowLocalNetwork && (hostname === 'localhost' || hostname === '127.0.0.1'))
  )
}
