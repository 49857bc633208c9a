import { dirname, join } from 'node:path'
import { sha256 } from '../core/digest.ts'
import { parseEnvelope } from '../core/dsse.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { parsePayload, variantOf } from '../core/statement.ts'
import { MintmarkError } from '../errors.ts'
import { EventStatement } from '../model/event.ts'
import { ProvenanceStatement } from '../model/provenance.ts'
import type { Envelope, Statement } from '../model/release.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { checkSignature, shortDigest } from './check-signature.ts'
import { locateVariant } from './read-release.ts'
import { checkSubject, isUntrusted, type Link, verifyRelease } from './verify-release.ts'
import { isShareIndex, verifyShareIndex } from './verify-share-list.ts'

/** A record is some hundred kilobytes. */
const mostBytes = 16 * 2 ** 20

/** The text of a record that is a file of its own, as somebody was sent it; null for what is no file of JSON. */
export async function readRecordFile({ files }: World, path: string): Promise<string | null> {
  if (!path.includes('/') && !path.endsWith('.json')) return null
  const info = await files.info(path)
  if (info?.kind !== 'file' || info.size > mostBytes) return null
  const text = await files.readText(path)
  return /^\s*\{/.test(text) || path.endsWith('.json') ? text : null
}

export interface FileVerification {
  readonly ok: boolean
  /** True when a signer of trust.yaml or `--trust` signed it. */
  readonly anchored: boolean
  /** True when nothing is wrong but that nobody who is trusted signed it. */
  readonly untrusted: boolean
  /** False: no image was looked at, neither in the catalog nor beside the file. */
  readonly lookedAtImage: boolean
  readonly links: readonly Link[]
  /** Null when the file is no record: the index of an export folder, or nothing that is known. */
  readonly statement: Statement | null
  /** Digest of the file. */
  readonly record: string
}

/** An image under its own name in the record's folder is what the record is about, or not. */
async function checkBeside(
  world: World,
  path: string,
  [subject]: Statement['subject'],
): Promise<readonly Link[]> {
  const name = subject?.name ?? ''
  const image = join(dirname(path), name)
  if (name === '' || name.includes('/') || (await world.files.info(image))?.kind !== 'file') return []
  const found = await world.files.sha256(image)
  const right = found === subject?.digest.sha256
  const text = right
    ? `${name} beside it has ${shortDigest(found)}`
    : `${name} beside it has ${shortDigest(found)}, the record is about ${shortDigest(subject?.digest.sha256 ?? '')}`
  return [{ name: 'artifact', right, text }]
}

/** @throws MintmarkError USAGE for what we sign besides records, and what is only true in its place */
function refuseOther(path: string, payload: Uint8Array): void {
  const json = parsedJson(Buffer.from(payload).toString('utf8'))
  const event = EventStatement.safeParse(json)
  if (event.success) {
    const { image, version, kind, sequence } = event.data.predicate
    const [what, hint] =
      kind === 'pointed'
        ? [`a move of a channel of ${image}`, `./mintmark releases ${image} --history checks all of them`]
        : [
            `event ${sequence} (${kind}) of ${image}@${version}`,
            `./mintmark verify ${image}@${version} checks all of them`,
          ]
    throw new MintmarkError('USAGE', `${path} is ${what}, which is one link of a chain and no record`, {
      hint,
    })
  }
  if (ProvenanceStatement.safeParse(json).success)
    throw new MintmarkError('USAGE', `${path} is the provenance of an image, and no record`, {
      hint: 'verify the record that it belongs to: ./mintmark verify IMAGE@VERSION, or the file record.dsse.json',
    })
}

/**
 * Checks a record, or the index of an export folder, that lies outside of the catalog: by itself, against an image beside it, and, where the catalog has the same record,
 * all that the catalog has of it. It throws for none of them.
 */
export async function verifyRecordFile(
  world: World,
  file: { readonly path: string; readonly text: string },
  trust: Trust,
): Promise<FileVerification> {
  const record = sha256(file.text)
  let envelope: Envelope
  let payload: Uint8Array
  let statement: Statement
  try {
    ;({ envelope, payload } = parseEnvelope(file.text))
    if (isShareIndex(payload)) {
      const { anchored, links } = await verifyShareIndex(world, { path: file.path, envelope, payload }, trust)
      return {
        ok: links.every((link) => link.right),
        anchored,
        untrusted: false,
        lookedAtImage: true,
        links,
        statement: null,
        record,
      }
    }
    refuseOther(file.path, payload)
    statement = parsePayload(payload)
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code === 'USAGE') throw cause
    const links: readonly Link[] = [{ name: 'record', right: false, text: cause.message }]
    return {
      ok: false,
      anchored: false,
      untrusted: false,
      lookedAtImage: false,
      links,
      statement: null,
      record,
    }
  }
  const { predicate } = statement
  const { image, version } = predicate
  const variant = variantOf(predicate)
  const beside = await checkBeside(world, file.path, statement.subject)
  const located = await locateVariant(world, { image, version, variant })
  if (located !== null && sha256(located.text) === record) {
    const { anchored, untrusted, links } = await verifyRelease(world, located, {
      ...trust,
      blobs: true,
      strayed: true,
    })
    const all = [...links, ...beside]
    return {
      ok: all.every((link) => link.right),
      anchored,
      untrusted: untrusted && beside.every((link) => link.right),
      lookedAtImage: true,
      links: all,
      statement,
      record,
    }
  }
  const day = predicate.created.slice(0, 10)
  const signed = await checkSignature(world, { envelope, payload, day }, trust.trust, !trust.onlyTrust)
  const place: Link =
    located === null
      ? {
          name: 'place',
          right: true,
          text: `${image}@${version} is not in the catalog ${world.catalog.location}: nothing stored was looked at`,
        }
      : {
          name: 'place',
          right: false,
          text: `the catalog's record of ${image}@${version} is ${shortDigest(sha256(located.text))}, this one is ${shortDigest(record)}`,
        }
  const links: readonly Link[] = [
    { name: 'record', right: true, text: `${shortDigest(record)}, an in-toto statement in a DSSE envelope` },
    { name: 'signature', right: signed.right, text: signed.text },
    place,
    checkSubject(statement),
    ...beside,
  ]
  return {
    ok: links.every((link) => link.right),
    anchored: signed.anchored,
    untrusted: isUntrusted(signed, links),
    lookedAtImage: beside.length > 0,
    links,
    statement,
    record,
  }
}
