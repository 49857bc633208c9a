import { createVerify } from 'node:crypto'
import type { Fact } from '../model/stages.ts'
import { parsedJson } from './parsed-json.ts'
import { shellQuote } from './quote.ts'
import type { Answer } from './ssh-answers.ts'
import { fail, judgeAnswer, judged, pass, short, unknown, type Verdict } from './verdict.ts'

/** What an instance was launched as, and what the cloud's own interface says of it. */
export interface CloudSeen {
  readonly account: string
  readonly region: string
  readonly imageId: string
  readonly instanceId: string
  /** As EC2 names it: x86_64 or arm64. */
  readonly architecture: string
  /** Whether requests of the metadata service need a token: required or optional. */
  readonly httpTokens: string
  /** Null: the instance has no root volume that could be found. */
  readonly rootVolume: { readonly encrypted: boolean; readonly key: string | null } | null
  /** ARN of the key that the definition names. */
  readonly key: string
  /** PEM of the certificate that AWS signs identity documents of the region with; null where nobody has put it there. */
  readonly certificate: string | null
}

/** Asks the metadata service as the image's own programs would, past every proxy; prints one line of JSON. */
const metadataProgram = `
import json, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def ask(path, token=None, method='GET', **headers):
    if token: headers['X-aws-ec2-metadata-token'] = token
    asked = urllib.request.Request('http://169.254.169.254/latest' + path, method=method, headers=headers)
    try:
        with opener.open(asked, timeout=10) as answer: return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused: return refused.code, ''
token = ask('/api/token', method='PUT', **{'X-aws-ec2-metadata-token-ttl-seconds': '60'})[1]
identity = '/dynamic/instance-identity/'
print(json.dumps({'without': ask('/meta-data/instance-id')[0], 'with': ask('/meta-data/instance-id', token)[0],
    'document': ask(identity + 'document', token)[1], 'signature': ask(identity + 'signature', token)[1]}))
`

/** For the look inside an instance. cloud-init needs Python, so that each image with it has one. */
export const metadataQuestions = `
metadata() {
  for python in python3 /usr/libexec/platform-python; do
    command -v "$python" >/dev/null 2>&1 && break
  done
  as_root "$python" -I -c ${shellQuote(metadataProgram)}
}
ask metadata metadata
`

interface Metadata {
  readonly without: number
  readonly with: number
  readonly document: string
  readonly signature: string
}

function metadataIn(text: string): Metadata | null {
  const told = parsedJson(text)
  if (typeof told !== 'object' || told === null) return null
  const { without, with: withToken, document, signature } = told as Readonly<Record<string, unknown>>
  return typeof without === 'number' &&
    typeof withToken === 'number' &&
    typeof document === 'string' &&
    typeof signature === 'string'
    ? { without, with: withToken, document, signature }
    : null
}

function versionVerdict({ httpTokens }: CloudSeen, { without, with: withToken }: Metadata): Verdict {
  const found = `without a token ${without}, with one ${withToken}, tokens are ${httpTokens}`
  return judged(without === 401 && withToken === 200 && httpTokens === 'required', found)
}

function volumeVerdict({ rootVolume, key }: CloudSeen): Verdict {
  if (rootVolume === null) return unknown('no root volume of the instance was found')
  if (!rootVolume.encrypted) return fail('not encrypted')
  return judged(rootVolume.key === key, `encrypted with ${rootVolume.key ?? 'an unknown key'}`)
}

/**
 * Whether AWS signed the document: RSA with SHA-256.
 * @param certificate PEM, as AWS publishes it for the region
 */
export function signedByAws(document: string, signature: string, certificate: string): boolean {
  try {
    return createVerify('RSA-SHA256').update(document).verify(certificate, signature, 'base64')
  } catch {
    // What is no certificate has signed nothing.
    return false
  }
}

function identityVerdict(seen: CloudSeen, { document, signature }: Metadata): Verdict {
  const told = parsedJson(document)
  if (typeof told !== 'object' || told === null) return fail(`no document: ${short(document)}`)
  const says = told as Readonly<Record<string, unknown>>
  const wanted: readonly (readonly [string, string])[] = [
    ['accountId', seen.account],
    ['region', seen.region],
    ['imageId', seen.imageId],
    ['instanceId', seen.instanceId],
    ['architecture', seen.architecture],
  ]
  const wrong = wanted.filter(([name, value]) => says[name] !== value)
  if (wrong.length > 0)
    return fail(
      wrong.map(([name, value]) => `${name} is ${short(String(says[name]))}, not ${value}`).join('; '),
    )
  const same = `${seen.account}, ${seen.region}, ${seen.imageId}, ${seen.architecture}`
  if (seen.certificate === null)
    return pass(`${same}; signature not verified: no certificate for ${seen.region} is in scans/aws-identity`)
  if (signature === '') return unknown(`${same}; the service gives no signature`)
  return signedByAws(document, signature, seen.certificate)
    ? pass(`${same}; signed by AWS`)
    : fail(`${same}; the signature is not AWS's`)
}

/** What can be asked of an instance in a cloud alone; pure. */
export function cloudFacts(seen: CloudSeen, answers: Readonly<Record<string, Answer>>): readonly Fact[] {
  const told = (judge: (metadata: Metadata) => Verdict): Verdict =>
    judgeAnswer(answers, 'metadata', (text) => {
      const metadata = metadataIn(text)
      return metadata === null ? unknown(short(text)) : judge(metadata)
    })
  return [
    {
      id: 'imds-v2-only',
      title: 'the metadata service answers with a token only',
      expected: 'without a token 401, with one 200, tokens are required',
      ...told((metadata) => versionVerdict(seen, metadata)),
    },
    {
      id: 'root-volume-encrypted',
      title: "the root volume is encrypted with the definition's key",
      expected: `encrypted with ${seen.key}`,
      ...volumeVerdict(seen),
    },
    {
      id: 'identity-document',
      title: 'the instance is told what it was launched as',
      expected: 'account, region, image, instance and architecture as launched',
      ...told((metadata) => identityVerdict(seen, metadata)),
    },
  ]
}
