import { join } from 'node:path'
import { checkSignature, mirrored, mirrorSettingOf } from '../../../core/image-evidence.ts'
import { dearmor } from '../../../core/openpgp-armor.ts'
import { certificatesOf } from '../../../core/openpgp-keyring.ts'
import type { Publisher } from '../../../core/publishers.ts'
import { MintmarkError } from '../../../errors.ts'
import type { ImageSignature } from '../../../model/base.ts'
import type { World } from '../../../ports/world.ts'
import { downloadFile } from '../download.ts'

const hint = 'check the network, or name a mirror: export MINTMARK_IMAGE_MIRROR=https://mirror.corp.example'

/** Where an address of the publisher's is really asked. */
export const placeOfUrl = (world: World, publisher: Publisher, url: string): string =>
  mirrored(url, publisher.host, mirrorSettingOf(world.env['MINTMARK_IMAGE_MIRROR']))

/**
 * One of the publisher's files, from its host or the mirror.
 * @throws MintmarkError PROVIDER_UNREACHABLE, or BASE_REFUSED for another hash
 */
export async function fetchFile(
  world: World,
  publisher: Publisher,
  url: string,
  to: string,
  options: { readonly timeoutMs: number; readonly hash?: string } = { timeoutMs: 120_000 },
): Promise<void> {
  const place = placeOfUrl(world, publisher, url)
  if (!place.startsWith('/')) return downloadFile(world, place, to, { hint, ...options })
  if ((await world.files.info(place))?.kind !== 'file') {
    throw new MintmarkError('PROVIDER_UNREACHABLE', `there is no file ${place}`, {
      hint,
      details: ['404: it is not in the mirror folder'],
    })
  }
  await world.files.copy(place, to)
}

/** @throws MintmarkError BASE_REFUSED for a key file that is not the pinned key */
async function writeKeyring(world: World, publisher: Publisher, keys: string, path: string): Promise<void> {
  const found: Uint8Array[] = []
  for (const { fingerprint } of publisher.keys) {
    const file = join(keys, `${fingerprint}.asc`)
    const bytes = (await world.files.info(file)) === null ? null : dearmor(await world.files.readText(file))
    const [certificate, ...more] = bytes === null ? [] : certificatesOf(bytes)
    if (certificate?.fingerprint !== fingerprint || more.length > 0) {
      throw new MintmarkError('BASE_REFUSED', `${file} is not the pinned key ${fingerprint}`, {
        hint: 'git checkout pipeline/targets/qemu/image/keys restores the keys',
      })
    }
    found.push(certificate.bytes)
  }
  await world.files.write(path, Buffer.concat(found))
}

export interface Evidence {
  readonly text: string
  readonly sha256: string
  readonly signature: ImageSignature
}

/**
 * The publisher's checksum file of one folder (its address, with a slash at the end), verified by gpgv against the pinned
 * keys alone. `scratch` is a folder of the caller's.
 * @throws MintmarkError BASE_REFUSED, PROVIDER_UNREACHABLE or TOOL_MISSING
 */
export async function fetchEvidence(
  world: World,
  publisher: Publisher,
  folder: string,
  scratch: string,
  keys = join(world.places.installation, 'pipeline/targets/qemu/image/keys'),
): Promise<Evidence> {
  if ((await world.exec.which('gpgv')) === null)
    throw new MintmarkError('TOOL_MISSING', 'not on this machine: gpgv')
  const { checksums, signature } = publisher
  if (signature === null)
    throw new MintmarkError('BASE_REFUSED', `${publisher.title} does not sign ${checksums}`)
  const keyring = join(scratch, 'publisher.gpg')
  await writeKeyring(world, publisher, keys, keyring)
  const sums = join(scratch, 'checksums')
  const signed = join(scratch, 'checksums.sig')
  await fetchFile(world, publisher, `${folder}${checksums}`, sums)
  try {
    await fetchFile(world, publisher, `${folder}${signature}`, signed)
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || !cause.lines.some((line) => line.includes('404'))) throw cause
    throw new MintmarkError(
      'BASE_REFUSED',
      `${folder}${checksums} has no signature: there is no ${signature}`,
      {
        cause,
        details: cause.lines,
      },
    )
  }
  const binary = dearmor(await world.files.readText(signed))
  if (binary !== null) await world.files.write(signed, binary)
  // A key of 2009 vouches for itself by SHA-1, which --weak-digest would refuse with the key; checkSignature looks at the hash that counts.
  const { stdout } = await world.exec.run(['gpgv', '--status-fd', '1', '--keyring', keyring, signed, sums], {
    ok: 'any',
    timeoutMs: 60_000,
    leash: 'child',
  })
  const { key, made } = checkSignature(stdout, checksums, publisher)
  return {
    text: await world.files.readText(sums),
    sha256: await world.files.sha256(sums),
    signature: { ...key, made, checked: world.clock.now().toISOString() },
  }
}
