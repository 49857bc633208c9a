import { join } from 'node:path'
import type { World } from '../ports/world.ts'
import type { Login } from '../targets/instance.ts'

/** A new key for one machine, made in its folder (ed25519, mode 0600, no passphrase). */
export async function instanceKey(
  world: Pick<World, 'exec' | 'files'>,
  folder: string,
  user: string,
): Promise<Login> {
  const privateKey = join(folder, 'key')
  await world.files.remove(privateKey)
  await world.exec.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'mintmark', '-f', privateKey])
  return { user, privateKey, publicKey: (await world.files.readText(`${privateKey}.pub`)).trim() }
}
