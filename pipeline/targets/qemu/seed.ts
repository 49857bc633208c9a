import { join } from 'node:path'
import type { World } from '../../ports/world.ts'
import { linkAddresses, macs } from './machine.ts'

export interface SeedInput {
  /** Instance-id and host name. */
  readonly instance: string
  /** Lines of OpenSSH that may log in as the image's default user. */
  readonly authorizedKeys: readonly string[]
  readonly link: boolean
}

/** The three files of cloud-init's NoCloud source, by name. JSON is YAML: nothing needs escaping. */
export function seedFiles(input: SeedInput): Readonly<Record<string, string>> {
  const json = (data: unknown): string => `${JSON.stringify(data, null, 2)}\n`
  const ethernets = {
    eth0: { match: { macaddress: macs.user }, 'set-name': 'eth0', dhcp4: true },
    ...(input.link
      ? {
          eth1: {
            match: { macaddress: macs.link },
            'set-name': 'eth1',
            addresses: [`${linkAddresses.guest}/${linkAddresses.prefix}`],
            optional: true,
          },
        }
      : {}),
  }
  return {
    'meta-data': json({ 'instance-id': input.instance, 'local-hostname': input.instance }),
    'user-data': `#cloud-config\n${json({ ssh_authorized_keys: input.authorizedKeys })}`,
    'network-config': json({ version: 2, ethernets }),
  }
}

/**
 * Writes the seed's disk image (vfat, labelled CIDATA) to `path`; its files are kept in `folder` beside it.
 * @throws MintmarkError TOOL_MISSING or TOOL_FAILED
 */
export async function writeSeed(
  world: Pick<World, 'exec' | 'files'>,
  path: string,
  input: SeedInput,
): Promise<void> {
  const folder = `${path}.d`
  await world.files.makeFolder(folder, { mode: 0o700 })
  const files = seedFiles(input)
  for (const [name, content] of Object.entries(files)) {
    await world.files.write(join(folder, name), content, { mode: 0o600 })
  }
  await world.files.remove(path)
  // 1 MiB is enough for the three files; -C makes the image file itself (size in KiB).
  await world.exec.run(['mkfs.vfat', '-n', 'CIDATA', '-C', path, '1024'])
  const paths = Object.keys(files).map((name) => join(folder, name))
  await world.exec.run(['mcopy', '-o', '-i', path, ...paths, '::'])
}
