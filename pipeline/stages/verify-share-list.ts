import { dirname, join } from 'node:path'
import { canonicalJson } from '../core/digest.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { parseShareIndex } from '../core/share-lists.ts'
import { parseSigned } from '../core/statement.ts'
import type { Envelope } from '../model/release.ts'
import { ShareIndexStatement } from '../model/share.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { checkSignature, shortDigest } from './check-signature.ts'
import type { Link } from './verify-release.ts'

/** True when an envelope carries the index of an export folder. */
export function isShareIndex(payload: Uint8Array): boolean {
  const found = parsedJson(Buffer.from(payload).toString('utf8'))
  return (
    typeof found === 'object' &&
    found !== null &&
    'predicateType' in found &&
    found.predicateType === 'https://mintmark.dev/share-index/v1'
  )
}

/**
 * Checks the signed index of an export folder: who signed it, whether the index beside it says the same, and every file that it names
 * and that is there.
 * @throws MintmarkError VERIFY_FAILED when the payload is no index
 */
export async function verifyShareIndex(
  world: World,
  file: { readonly path: string; readonly envelope: Envelope; readonly payload: Uint8Array },
  trust: Trust,
): Promise<{ readonly anchored: boolean; readonly links: readonly Link[] }> {
  const { envelope, payload } = file
  const { predicate, subject } = parseSigned(payload, ShareIndexStatement, 'the index')
  const day = predicate.updated.slice(0, 10)
  const signed = await checkSignature(world, { envelope, payload, day }, trust.trust, !trust.onlyTrust)
  const folder = dirname(file.path)
  const links: Link[] = [
    {
      name: 'record',
      right: true,
      text: `the index of ${predicate.image}, ${predicate.updated}, in a DSSE envelope`,
    },
    { name: 'signature', right: signed.right, text: signed.text },
  ]
  const plain = join(folder, 'index.json')
  if ((await world.files.info(plain))?.kind === 'file') {
    const index = parseShareIndex(await world.files.readText(plain), predicate.image)
    const right = index !== null && canonicalJson(index) === canonicalJson(predicate)
    links.push({
      name: 'subject',
      right,
      text: `index.json beside it says ${right ? 'the same' : 'something else'}`,
    })
  }
  for (const { name, digest } of subject) {
    const path = join(folder, name)
    // Names of a file that anybody may have made: nothing outside of its folder is read.
    if (name.split('/').includes('..') || (await world.files.info(path))?.kind !== 'file') continue
    const found = await world.files.sha256(path)
    const right = found === digest.sha256
    const text = right
      ? `${name} has ${shortDigest(found)}`
      : `${name} has ${shortDigest(found)}, the index says ${shortDigest(digest.sha256)}`
    links.push({ name: 'artifact', right, text })
  }
  return { anchored: signed.anchored, links }
}
