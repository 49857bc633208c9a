import { join } from 'node:path'
import type { Login } from '../targets/instance.ts'
import type { StageContext } from './stage.ts'

/** The key of this one build, made on first use. It is removed when the build is done; its public half stays as evidence. */
export async function buildKey(
  context: Pick<StageContext, 'world' | 'folder'>,
  user: string,
): Promise<Login> {
  const { exec, files } = context.world
  const privateKey = join(context.folder, 'build-key')
  if ((await files.info(privateKey)) === null || (await files.info(`${privateKey}.pub`)) === null) {
    await dropBuildKey(context)
    await exec.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'mintmark-build', '-f', privateKey])
  }
  return { user, privateKey, publicKey: (await files.readText(`${privateKey}.pub`)).trim() }
}

export async function dropBuildKey(context: Pick<StageContext, 'world' | 'folder'>): Promise<void> {
  await context.world.files.remove(join(context.folder, 'build-key'))
}
