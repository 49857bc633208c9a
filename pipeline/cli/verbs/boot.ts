import { join } from 'node:path'
import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import { type Bootable, findBootable } from '../../stages/find-bootable.ts'
import { instanceKey } from '../../stages/instance-key.ts'
import { instanceIdOf, instancePrefix, machinesFolder, writeInstance } from '../../stages/instances.ts'
import type { Instance } from '../../targets/instance.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

const defaultTimeoutSeconds = 300
const gib = 2 ** 30

/** A person's key: the public line, and the private file when it lies beside it. */
interface PersonalKey {
  readonly publicKey: string
  readonly privateKey: string | null
}

function wholeNumber(text: string | null, fallback: number, option: string, least: number): number {
  if (text === null) return fallback
  const value = Number(text)
  if (Number.isInteger(value) && value >= least) return value
  throw new MintmarkError('USAGE', `--${option} is ${text}: a whole number of at least ${least} is needed`)
}

/** The key that was named, else the usual ones below ~/.ssh, else none. */
async function personalKey(world: World, named: string | null): Promise<PersonalKey | null> {
  const { files } = world
  const folder = join(world.env['HOME'] ?? '/nonexistent', '.ssh')
  const usual = ['id_ed25519', 'id_ed25519_sk', 'id_ecdsa', 'id_rsa'].map((name) =>
    join(folder, `${name}.pub`),
  )
  const candidates = named === null ? usual : [named.endsWith('.pub') ? named : `${named}.pub`]
  for (const path of candidates) {
    if ((await files.info(path)) === null) continue
    const publicKey = (await files.readText(path)).trim()
    if (!/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+(?: [^\n]*)?$/.test(publicKey)) {
      throw new MintmarkError('USAGE', `${path} is no public key of OpenSSH`)
    }
    const privateKey = path.slice(0, -'.pub'.length)
    return { publicKey, privateKey: (await files.info(privateKey)) === null ? null : privateKey }
  }
  if (named === null) return null
  throw new MintmarkError('USAGE', `there is no public key ${candidates[0] ?? named}`, {
    hint: 'ssh-keygen -t ed25519 makes one',
  })
}

/** Resolves when Ctrl-C was pressed. */
function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** The verb over a way to find images: tests boot a file of their own. */
export function bootWith(find: (world: World, ref: string) => Promise<Bootable>): RunVerb {
  return async ({ world, args, options }) => {
    const [ref] = args
    if (ref === undefined) {
      throw new MintmarkError('USAGE', 'boot needs a release or a qcow2 file', {
        hint: './mintmark boot debian-13',
      })
    }
    const timeoutSeconds = wholeNumber(textOption(options, 'timeout'), defaultTimeoutSeconds, 'timeout', 1)
    const memoryMiB = wholeNumber(textOption(options, 'memory'), 1024, 'memory', 256)
    const person = await personalKey(world, textOption(options, 'key'))
    const image = await find(world, ref)
    if (!image.recorded) world.report.warn(`no signed record is about ${image.name}: nobody vouches for it`)

    const step = world.report.step('boot')
    const folder = await world.files.tempFolder(instancePrefix, machinesFolder(world))
    let machine: Instance | null = null
    try {
      step.update(`starting ${image.name}`)
      // Our own key, for this machine alone, answers when it is up; the person's may need a passphrase.
      const login = await instanceKey(world, folder, image.target.loginUser(image.definition))
      machine = await image.target.launch({
        world,
        artifact: image.artifact,
        definition: image.definition,
        instance: image.host,
        // Of this machine alone: what bears another one's marks may be at work in another terminal.
        run: {
          image: image.release?.image ?? image.host,
          runId: instanceIdOf(folder),
          version: image.release?.version ?? null,
        },
        login,
        folder,
        diskGiB: Math.ceil(image.virtualBytes / gib),
        link: false,
        memoryMiB,
        ...(person === null ? {} : { alsoAuthorize: [person.publicKey] }),
      })
      step.update(`waiting for ${image.name} to answer`)
      const seconds = await machine.waitForLogin(timeoutSeconds * 1000)
      if (machine.hostKeys !== undefined) step.update('holding its host keys against its console')
      await machine.hostKeys?.confirm()
      const id = await writeInstance(world, folder, image)
      step.done(
        `${image.name} answers after ${Math.round(seconds)} s as ${id}; Ctrl-C ends it and removes it`,
      )

      const knownHosts = join(folder, 'known_hosts')
      const key = person === null ? login.privateKey : person.privateKey
      const argv = [
        'ssh',
        ...(key === null ? [] : ['-i', key]),
        ...[
          '-p',
          String(machine.port),
          '-o',
          `UserKnownHostsFile=${knownHosts}`,
          // Confirmed by now: nobody is to be asked whether a key is right.
          ...(machine.hostKeys === undefined
            ? []
            : ['-o', `HostKeyAlias=${machine.hostKeys.alias}`, '-o', 'StrictHostKeyChecking=yes']),
          `${login.user}@${machine.host}`,
        ],
      ]
      world.report.result(argv.join(' '), {
        image: image.name,
        instance: id,
        host: machine.host,
        port: machine.port,
        user: login.user,
        key,
        knownHosts,
        ssh: argv,
        secondsToLogin: seconds,
      })
      await Promise.race([machine.ended, stopped(world.signal)])
      return 0
    } catch (cause) {
      step.fail(cause instanceof Error ? cause.message : String(cause))
      throw cause
    } finally {
      await machine?.stop()
      await world.files.remove(folder)
    }
  }
}

/** `boot REF`: a throw-away machine in the foreground, until Ctrl-C or until its guest powers off. */
export const run: RunVerb = bootWith(findBootable)
