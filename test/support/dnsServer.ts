import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export interface DnsServer extends AsyncDisposable {
  /** `ADDRESS:PORT` */
  readonly address: string
}

const HEADER_BYTES = 12
const TXT_IN = Buffer.from([0, 16, 0, 1])

/** A name server that knows these TXT records, and answers that no other name exists. */
export async function openDnsServer(
  records: Record<string, readonly string[]>,
): Promise<DnsServer> {
  const socket = createSocket('udp4')
  socket.on('message', (query, peer) => {
    const { name, end } = readName(query)
    const answers = records[name] ?? []
    const header = Buffer.from(query.subarray(0, HEADER_BYTES))
    // A response that is authoritative; 3 says that there is no such name.
    header.writeUInt16BE(answers.length > 0 ? 0x8580 : 0x8583, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(answers.length, 6)
    header.writeUInt32BE(0, 8)
    const question = query.subarray(HEADER_BYTES, end + 4)
    socket.send(
      Buffer.concat([header, question, ...answers.map(encodeAnswer)]),
      peer.port,
      peer.address,
    )
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        socket.close(resolve)
      }),
  }
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

/** A record that points to the name of the question, and lives for no time. */
function encodeAnswer(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(3)
  length.writeUInt16BE(bytes.length + 1)
  length.writeUInt8(bytes.length, 2)
  return Buffer.concat([Buffer.from([0xc0, HEADER_BYTES]), TXT_IN, Buffer.alloc(4), length, bytes])
}
