import { readFileSync, readdirSync } from 'node:fs'
import type { RequestHandler } from 'express'
import { RequestError } from '../errors.ts'

const FOLDER = new URL('../../lexicons/app/tagfeed/', import.meta.url)
const AUTHORITY = 'app.tagfeed'

/** The documents of our own lexicons, by NSID: read once. */
export function serveLexicons(): RequestHandler {
  const documents = new Map<string, Buffer>(
    readdirSync(FOLDER)
      .filter((file) => file.endsWith('.json'))
      .map((file) => [`${AUTHORITY}.${file}`, readFileSync(new URL(file, FOLDER))] as const),
  )
  return (request, response) => {
    const document = documents.get(String(request.params['file']))
    if (document === undefined) {
      throw new RequestError('NotFound', 'There is no such lexicon here', 404)
    }
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('content-type', 'application/json; charset=utf-8')
    response.setHeader('content-length', document.length)
    response.end(request.method === 'HEAD' ? undefined : document)
  }
}
