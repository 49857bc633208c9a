import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonProgram } from '../../pipeline/ports/install-python.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { enterEnvironment } from '../helpers/aws-environment.ts'
import type { Call, Change, Seed, Settings } from './stand-in-types.ts'

const launcher = fileURLToPath(new URL('stand-in.py', import.meta.url))

/** What a client needs of one account in one region. */
export interface ClientSettings {
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

export interface StandIn {
  /** http://127.0.0.1:PORT, for every service. */
  readonly endpoint: string
  /** The first account and us-east-1, for children that talk to it. */
  readonly env: Readonly<Record<string, string>>
  /** Where an instance's address answers SSH: 22, or 2222 where this user may not have a port that low. */
  readonly sshPort: number
  /** For `new EC2Client(...)` and the like. Default: the first account, us-east-1. */
  client(account?: string, region?: string): ClientSettings
  /** Puts `env` into our own environment, where an SDK in this process looks for it. */
  enter(account?: string): { restore(): void }
  /** Every call so far, the oldest first. */
  calls(): Promise<readonly Call[]>
  /** Plants images, parameters and accounts; answers with the ids of the images, region by region. */
  seed(seed: Seed): Promise<readonly string[]>
  change(change: Change): Promise<void>
  /** Another one with all that this one has now, but for machines and the calls so far; it ends with this one. */
  branch(): Promise<StandIn>
  /** Ends it with all its machines, and removes its folder. */
  close(): Promise<void>
}

export interface StandInOptions {
  /** Twelve digits each; the first is the one of `env`. */
  readonly accounts?: readonly [string, ...string[]]
  readonly seed?: Seed
  readonly settings?: Settings
}

/** The accounts that are there unless a test names others. */
export const factory = '111111111111'
export const consumer = '222222222222'

const keyOf = (account: string): string => `AKIA${account}TEST`

function envOf(endpoint: string, account: string): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: keyOf(account),
    AWS_SECRET_ACCESS_KEY: 'stand-in',
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    MINTMARK_S3_ENDPOINT: endpoint,
  }
}

/** A server of the machine's own may have port 22 of every address; a user without rights may not have it at all. */
export function sshPort(): Promise<number> {
  const probe = createServer()
  return new Promise((resolve) => {
    probe.once('error', () => resolve(2222))
    probe.listen(22, '127.255.255.254', () => probe.close(() => resolve(22)))
  })
}

async function ask(endpoint: string, path: string, question: unknown = {}): Promise<unknown> {
  const body = JSON.stringify(question)
  const answer = await fetch(`${endpoint}/stand-in/${path}`, { method: 'POST', body })
  const told: unknown = await answer.json()
  if (!answer.ok) throw new Error(`the stand-in refused ${path}: ${JSON.stringify(told)}`)
  return told
}

/** Another one may have taken the port meanwhile: its folder is another. */
const answers = async (endpoint: string, folder: string): Promise<boolean> =>
  ask(endpoint, 'ready').then(
    (said) => (said as { readonly folder?: string }).folder === folder,
    () => false,
  )

interface Running {
  readonly world: Pick<World, 'clock' | 'net'>
  readonly port: number
  readonly folder: string
  readonly accounts: readonly [string, ...string[]]
  readonly ssh: number
  readonly close: () => Promise<void>
}

async function freePort({ net }: Running['world']): Promise<number> {
  if (net === undefined) throw new Error('this world has no network')
  return net.freePort()
}

function handleOf(running: Running): StandIn {
  const { world, port, folder, accounts, ssh, close } = running
  const endpoint = `http://127.0.0.1:${port}`
  return {
    endpoint,
    env: envOf(endpoint, accounts[0]),
    sshPort: ssh,
    client: (account = accounts[0], region = 'us-east-1') => ({
      endpoint,
      region,
      credentials: { accessKeyId: keyOf(account), secretAccessKey: 'stand-in' },
    }),
    enter: (account = accounts[0]) => enterEnvironment(envOf(endpoint, account)),
    calls: async () => (await ask(endpoint, 'calls')) as readonly Call[],
    seed: async (seed) => ((await ask(endpoint, 'seed', seed)) as { imageIds: readonly string[] }).imageIds,
    change: async (change) => void (await ask(endpoint, 'change', change)),
    async branch() {
      const other = await freePort(world)
      await ask(endpoint, 'branch', { port: other })
      const there = { ...running, port: other, folder: join(folder, String(other)) }
      const otherEndpoint = `http://127.0.0.1:${other}`
      for (let tries = 0; !(await answers(otherEndpoint, there.folder)); tries += 1) {
        if (tries >= 500) throw new Error(`no stand-in branched off to ${otherEndpoint}`)
        await world.clock.sleep(10)
      }
      // It ends without a word.
      const end = (): Promise<void> =>
        ask(otherEndpoint, 'end').then(
          () => undefined,
          () => undefined,
        )
      return handleOf({ ...there, close: end })
    },
    close,
  }
}

/** An AWS on a free port of 127.0.0.1: README.md beside this file says what it is. `setup --for test` installs what it needs. */
export async function startStandIn(world: World, options: StandInOptions = {}): Promise<StandIn> {
  const program = await pythonProgram(world.files, world.places, 'moto')
  if (program === null) throw new Error('moto is missing: ./mintmark setup --for test')
  const accounts = options.accounts ?? [factory, consumer]
  const folder = await mkdtemp(join(tmpdir(), 'stand-in-'))
  const port = await freePort(world)
  const endpoint = `http://127.0.0.1:${port}`
  const argv = [join(dirname(program), 'python'), launcher, folder, String(port), ...accounts]
  const log = join(folder, 'log')
  const running = world.exec.start(argv, { leash: 'tree', logTo: log })
  let ended = false
  void running.done.then(() => {
    ended = true
  })
  const close = async (): Promise<void> => {
    running.kill()
    await running.done
    await rm(folder, { recursive: true, force: true })
  }
  const ssh = await sshPort()
  try {
    for (let tries = 0; !(await answers(endpoint, folder)); tries += 1) {
      if (ended || tries >= 300) throw new Error(`the stand-in did not start: ${await readFile(log, 'utf8')}`)
      await world.clock.sleep(100)
    }
    await ask(endpoint, 'change', { settings: { ...options.settings, sshPort: ssh } })
    if (options.seed !== undefined) await ask(endpoint, 'seed', options.seed)
  } catch (cause) {
    await close()
    throw cause
  }
  return handleOf({ world, port, folder, accounts, ssh, close })
}
