import { chmod, cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { World } from '../../pipeline/ports/world.ts'
import { checkout } from './world.ts'

export interface OrdinaryUser {
  /** Theirs alone. */
  readonly home: string
  /** What our modules are imported from: the checkout may be in a private home. */
  readonly modules: string
  /** Runs a script in TypeScript as that user. @returns what it printed */
  run(script: string, args: readonly string[]): Promise<string>
}

const uid = '65534'

/** Nobody, with a home and a copy of our modules below `folder`. Only for root, who may become others. */
export async function ordinaryUser(world: World, folder: string): Promise<OrdinaryUser> {
  const home = join(folder, 'ordinary')
  const modules = join(folder, 'readable')
  await mkdir(home)
  await mkdir(join(modules, 'test'), { recursive: true })
  for (const part of ['package.json', 'pipeline', 'test/helpers', 'node_modules'])
    await cp(join(checkout, part), join(modules, part), { recursive: true, verbatimSymlinks: true })
  await chmod(folder, 0o755)
  return {
    home,
    modules,
    async run(script, args) {
      const path = join(home, 'script.mts')
      await writeFile(path, script)
      await world.exec.run(['chown', '-R', `${uid}:${uid}`, home])
      const become = ['setpriv', '--reuid', uid, '--regid', uid, '--clear-groups']
      const ran = await world.exec.run([...become, join(modules, 'node_modules/.bin/tsx'), path, ...args], {
        cwd: home,
        env: { HOME: home, TMPDIR: home, XDG_CACHE_HOME: join(home, 'cache') },
      })
      return ran.stdout
    },
  }
}
