import { dirname, join } from 'node:path'
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { S3Client } from '@aws-sdk/client-s3'
import { pythonProgram } from '../../pipeline/ports/install-python.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { enterEnvironment } from './aws-environment.ts'

/** What the SDK reads of the environment, for a server that believes anybody. */
const credentials = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_REGION: 'us-east-1',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
}

export interface MotoServer {
  /** http://127.0.0.1:PORT */
  readonly endpoint: string
  /** For children that talk to it. */
  readonly env: Readonly<Record<string, string>>
  readonly client: S3Client
  /** Ends it and puts the environment back. */
  stop(): Promise<void>
}

/** Puts credentials that mean nothing into our environment, where the SDK looks for them. */
export const fakeCredentials = (): { restore(): void } => enterEnvironment(credentials)

/**
 * moto's server on a free port of 127.0.0.1, in memory: `setup --for test` installs it.
 * @param launcher a script that changes what moto does, and starts it
 */
export async function startMoto(world: World, launcher: string | null = null): Promise<MotoServer> {
  const program = await pythonProgram(world.files, world.places, 'moto')
  if (program === null || world.net === undefined)
    throw new Error('moto is missing: ./mintmark setup --for test')
  const port = await world.net.freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const fake = fakeCredentials()
  const start = launcher === null ? [program] : [join(dirname(program), 'python'), launcher]
  const running = world.exec.start([...start, '-H', '127.0.0.1', '-p', String(port)], { leash: 'child' })
  for (let tries = 0; ; tries += 1) {
    try {
      await fetch(`${endpoint}/moto-api/`)
      break
    } catch (cause) {
      if (tries === 300) throw cause
      await world.clock.sleep(100)
    }
  }
  const quiet = (): void => undefined
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }
  const client = new S3Client({ endpoint, forcePathStyle: true, logger })
  return {
    endpoint,
    env: { ...credentials, MINTMARK_S3_ENDPOINT: endpoint },
    client,
    async stop() {
      client.destroy()
      running.kill()
      await running.done
      fake.restore()
    },
  }
}

/** A key that signs by ECDSA, under an alias. */
export async function makeSigningKey(
  { endpoint }: Pick<MotoServer, 'endpoint'>,
  alias: string,
): Promise<void> {
  const kms = new KMSClient({ endpoint })
  const made = await kms.send(new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }))
  await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: made.KeyMetadata?.KeyId }))
  kms.destroy()
}
