import type { JsonObject } from '../../pds/json.ts'
import { quoteExcerpt } from '../../texts/quote.ts'
import type { Ask, Reply } from '../ask.ts'
import type { Deployment } from '../deployment.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'
import { READERS_SEE } from '../readersSee.ts'
import { describeError, readJson } from '../readJson.ts'

export interface ServiceResult {
  readonly findings: readonly Finding[]
  /** Why there is no use in asking it anything else; undefined when there is. */
  readonly blocked: string | undefined
  /** The answer of `/xrpc/_health`, when there is one. */
  readonly reply: Reply | undefined
  readonly health: JsonObject | undefined
}

const note = notesOf('service')

/** Asks the service for a first sign of life. */
export async function checkService({ baseUrl }: Deployment, ask: Ask): Promise<ServiceResult> {
  const answer = await ask(`${baseUrl}/xrpc/_health`)
  if (!answer.ok) {
    const { reason, advice } = answer.fault
    const finding = note.failure(`${baseUrl}: ${reason}`, {
      advice,
      readersSee: READERS_SEE.offline,
    })
    return {
      findings: [finding],
      blocked: `${baseUrl} cannot be reached`,
      reply: undefined,
      health: undefined,
    }
  }
  const json = readJson(answer)
  if (answer.status >= 502 && answer.status <= 504) {
    return { ...refused(answer, json.ok), reply: answer, health: undefined }
  }
  if (answer.status !== 200 || !json.ok) {
    const found =
      answer.status === 200 && !json.ok ? `the answer ${json.problem}` : describeError(answer)
    const finding = note.warning(`${baseUrl}/xrpc/_health: ${found}`, {
      advice:
        'tagfeed answers it with JSON: check that the TLS proxy passes every path on to it, and to the right port',
    })
    return { findings: [finding], blocked: undefined, reply: answer, health: undefined }
  }
  const version = quoteExcerpt(json.value['version'])
  const finding = note.ok(`${baseUrl} answers in ${answer.ms} ms, version ${version}`)
  return { findings: [finding], blocked: undefined, reply: answer, health: json.value }
}

/** The service itself says so in JSON; a proxy in front of it says it in any other way. */
function refused(answer: Reply, isJson: boolean): Pick<ServiceResult, 'findings' | 'blocked'> {
  const base = new URL(answer.url).origin
  const finding = isJson
    ? note.failure(`${base} answers ${describeError(answer)}`, {
        advice: 'wait until the service has started; its log says what it is waiting for',
        readersSee: READERS_SEE.offline,
      })
    : note.failure(
        `the TLS proxy at ${base} answers, the service behind it does not: ${describeError(answer)}`,
        {
          advice: 'start the service, and check that the proxy passes requests on to its port',
          readersSee: READERS_SEE.unknown,
        },
      )
  return { findings: [finding], blocked: `${base} does not serve` }
}
