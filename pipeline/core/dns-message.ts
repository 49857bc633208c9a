import { type Ipv4, ipBytes, viewOf } from './ip-packet.ts'

/** Types of records that are asked for here (RFC 1035, 3596). */
const recordTypes = { a: 1, ptr: 12, opt: 41 } as const
const internet = 1
const header = 12
const responseBit = 0x8000
const authoritative = 0x0400
const recursionDesired = 0x0100
const recursionAvailable = 0x0080
const opcodeMask = 0x7800
const nameError = 3
const ttlSeconds = 30

export interface DnsQuestion {
  /** Lower case, without the dot at the end. */
  readonly name: string
  readonly type: 'a' | 'ptr'
}

interface DnsQuery {
  readonly id: number
  readonly flags: number
  /** Lower case, without the dot at the end. */
  readonly name: string
  readonly type: number
  /** The question's own bytes, whose upper and lower case the answer has to repeat. */
  readonly question: Uint8Array
  /** The sender understands EDNS (RFC 6891). */
  readonly extended: boolean
}

const nameBytes = (name: string): number[] => [
  ...name.split('.').flatMap((label) => [label.length, ...new TextEncoder().encode(label)]),
  0,
]

/** A query with these questions; `id` is 16 bits. Multicast DNS may have several in one, others one. */
export function encodeDnsQuery(
  id: number,
  questions: readonly DnsQuestion[],
  options: { readonly recurse?: boolean } = {},
): Uint8Array {
  const body = questions.flatMap(({ name, type }) => [...nameBytes(name), 0, recordTypes[type], 0, internet])
  const message = new Uint8Array(header + body.length)
  const view = viewOf(message)
  view.setUint16(0, id)
  view.setUint16(2, options.recurse === true ? recursionDesired : 0)
  view.setUint16(4, questions.length)
  message.set(body, header)
  return message
}

/** A standard query with one question of the class Internet; null for anything else. */
export function decodeDnsQuery(message: Uint8Array): DnsQuery | null {
  if (message.length < header) return null
  const view = viewOf(message)
  const flags = view.getUint16(2)
  if ((flags & (responseBit | opcodeMask)) !== 0 || view.getUint16(4) !== 1) return null
  const labels: string[] = []
  let at = header
  for (;;) {
    const length = message[at]
    if (length === undefined || length > 63 || at + 1 + length > message.length) return null
    at += 1
    if (length === 0) break
    labels.push(new TextDecoder('latin1').decode(message.subarray(at, at + length)).toLowerCase())
    at += length
  }
  if (at + 4 > message.length || view.getUint16(at + 2) !== internet) return null
  return {
    id: view.getUint16(0),
    flags,
    name: labels.join('.'),
    type: view.getUint16(at),
    question: message.subarray(header, at + 4),
    extended: view.getUint16(10) > 0,
  }
}

/** What a server says that knows these names and no other: an address, no such record, or no such name. */
export function encodeDnsAnswer(query: DnsQuery, names: Readonly<Record<string, Ipv4>>): Uint8Array {
  const known = Object.hasOwn(names, query.name)
  const address = known && query.type === recordTypes.a ? names[query.name] : undefined
  const answer =
    address === undefined
      ? []
      : // The name is the question's, by a pointer to it.
        [0xc0, header, 0, recordTypes.a, 0, internet, 0, 0, 0, ttlSeconds, 0, 4, ...ipBytes(address)]
  // The empty name, datagrams of up to 1232 bytes, no flags, no options.
  const opt = query.extended ? [0, 0, recordTypes.opt, 1232 >>> 8, 1232 & 0xff, 0, 0, 0, 0, 0, 0] : []
  const message = new Uint8Array(header + query.question.length + answer.length + opt.length)
  const view = viewOf(message)
  view.setUint16(0, query.id)
  const kept = query.flags & recursionDesired
  view.setUint16(2, responseBit | authoritative | recursionAvailable | kept | (known ? 0 : nameError))
  view.setUint16(4, 1)
  view.setUint16(6, address === undefined ? 0 : 1)
  view.setUint16(10, query.extended ? 1 : 0)
  message.set([...query.question, ...answer, ...opt], header)
  return message
}
