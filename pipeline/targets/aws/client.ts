import type { EC2ClientResolvedConfig } from '@aws-sdk/client-ec2'
import { MintmarkError } from '../../errors.ts'
import { AwsRegion } from '../../model/ami.ts'
import type { AwsAction } from './calls-table.ts'
import { codeOf, explainAws } from './errors.ts'
import { inTime } from './in-time.ts'

/** Types alone: each SDK is loaded at its first call. */
interface Sdks {
  readonly ec2: typeof import('@aws-sdk/client-ec2')
  readonly ssm: typeof import('@aws-sdk/client-ssm')
  readonly sts: typeof import('@aws-sdk/client-sts')
  readonly kms: typeof import('@aws-sdk/client-kms')
  readonly ebs: typeof import('@aws-sdk/client-ebs')
}
type Service = keyof Sdks

/** Operations of a service that the table has: RunInstances for ec2:RunInstances. */
type Listed<S extends Service> = AwsAction extends infer A ? (A extends `${S}:${infer O}` ? O : never) : never

type CommandOf<S extends Service, O extends string> =
  Sdks[S] extends Readonly<Record<`${O}Command`, new (...input: never[]) => infer C>> ? C : never
type InputOf<S extends Service, O extends string> =
  CommandOf<S, O> extends { readonly input: infer I } ? I : never
type OutputOf<S extends Service, O extends string> =
  CommandOf<S, O> extends {
    resolveMiddleware(...args: never[]): (args: never) => Promise<{ readonly output: infer R }>
  }
    ? R
    : never

/** What answers page by page is only to be had so: the first page looks like all there is. */
type Paged<S extends Service> =
  Listed<S> extends infer O
    ? O extends string
      ? `paginate${O}` extends keyof Sdks[S]
        ? O
        : never
      : never
    : never
type Single<S extends Service> = Exclude<Listed<S>, Paged<S>>

/** Calls of one service. Each carries the name that policies have for it into its error. */
export interface ServiceCalls<S extends Service> {
  /** @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, CONFIG_INVALID, INTERRUPTED */
  send<O extends Single<S>>(operation: O, input: InputOf<S, O>): Promise<OutputOf<S, O>>
  /**
   * Null for an answer that means "not there": one of these codes of the service, and no other.
   * @throws MintmarkError as `send`
   */
  find<O extends Single<S>>(
    operation: O,
    input: InputOf<S, O>,
    absent: readonly string[],
  ): Promise<OutputOf<S, O> | null>
  /**
   * Every page. One of the codes of `absent` ends it, as if there were no more.
   * @throws MintmarkError as `send`, and PROVIDER_REFUSED for pages without an end
   */
  pages<O extends Paged<S>>(
    operation: O,
    input: InputOf<S, O>,
    absent?: readonly string[],
  ): AsyncIterable<OutputOf<S, O>>
}

export interface AwsCalls {
  readonly region: string
  /** For people: which credentials were looked for; null: those of the environment. */
  readonly profile: string | null
  readonly ec2: ServiceCalls<'ec2'>
  readonly ssm: ServiceCalls<'ssm'>
  readonly sts: ServiceCalls<'sts'>
  readonly kms: ServiceCalls<'kms'>
  readonly ebs: ServiceCalls<'ebs'>
  /** What signs the calls, as the SDK found it: to hand on to a program that works with the same. @throws MintmarkError as `send` */
  credentials(): Promise<AwsCredentials>
  /** The same in another region, with the same credentials. */
  at(region: string): AwsCalls
  /** The same, which go on when the process is asked to stop: for what has to be cleared up then. Each still ends by its own deadline. */
  unstopped(): AwsCalls
  /** The same with other credentials: those of a role that was taken. */
  as(credentials: AwsCredentials): AwsCalls
  /** Lets go of connections. */
  close(): void
}

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Null for keys that last. */
  readonly sessionToken: string | null
}

export interface AwsOptions {
  readonly region: string
  /** Of the AWS configuration; without one the SDK looks where it always does: variables, SSO, OIDC, a role of the machine. */
  readonly profile?: string
  /** Stands for every service; without one AWS_ENDPOINT_URL and the region decide. */
  readonly endpoint?: string
  /** Ends every call. */
  readonly signal: AbortSignal
  /** How often a call is tried while it is throttled or the service is busy; 8 when left out. */
  readonly attempts?: number
  /** Milliseconds that one call may take, with all its tries; a minute when left out. */
  readonly deadlineMs?: number
  /** Instead of those that the SDK would find. */
  readonly credentials?: AwsCredentials
}

type Credentials = EC2ClientResolvedConfig['credentials']

interface Client {
  readonly config: { readonly credentials: Credentials }
  send(command: never, options: { readonly abortSignal: AbortSignal }): Promise<unknown>
  destroy(): void
}
interface Open {
  readonly commands: Readonly<Record<string, unknown>>
  readonly client: Client
}
type Command = new (input: unknown) => never

const silent = (): void => undefined
/** It would print by itself; what matters comes as an error. */
const logger = { debug: silent, info: silent, warn: silent, error: silent }

const mostSockets = 80

const fixed = ({ sessionToken, ...keys }: AwsCredentials) => ({
  ...keys,
  ...(sessionToken === null ? {} : { sessionToken }),
})
type Fixed = ReturnType<typeof fixed>

function configOf({ region, profile, endpoint, attempts = 8, credentials }: AwsOptions) {
  if (!AwsRegion.safeParse(region).success)
    throw new MintmarkError('CONFIG_INVALID', `"${region}" is no region of AWS`, {
      hint: 'write one like eu-west-1',
    })
  return {
    region,
    retryMode: 'adaptive',
    maxAttempts: attempts,
    logger,
    requestHandler: {
      connectionTimeout: 10_000,
      socketTimeout: 60_000,
      // As many as blocks of a disk are read at once, and some.
      httpsAgent: { maxSockets: mostSockets },
      httpAgent: { maxSockets: mostSockets },
    },
    ...(profile === undefined ? {} : { profile }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: fixed(credentials) }),
  }
}
type Config = Omit<ReturnType<typeof configOf>, 'credentials'> & {
  readonly credentials?: Fixed | Credentials
}

const open: { readonly [S in Service]: (config: Config) => Promise<Open> } = {
  ec2: async (config) => {
    const sdk = await import('@aws-sdk/client-ec2')
    return { commands: sdk, client: new sdk.EC2Client(config) }
  },
  ssm: async (config) => {
    const sdk = await import('@aws-sdk/client-ssm')
    return { commands: sdk, client: new sdk.SSMClient(config) }
  },
  sts: async (config) => {
    const sdk = await import('@aws-sdk/client-sts')
    return { commands: sdk, client: new sdk.STSClient(config) }
  },
  kms: async (config) => {
    const sdk = await import('@aws-sdk/client-kms')
    return { commands: sdk, client: new sdk.KMSClient(config) }
  },
  ebs: async (config) => {
    const sdk = await import('@aws-sdk/client-ebs')
    // The SDK's adaptive mode lets one call out in two seconds after a throttled burst of many: whoever reads blocks slows down by itself.
    return { commands: sdk, client: new sdk.EBSClient({ ...config, retryMode: 'standard' }) }
  },
}

/** How each service names the way to its next page. */
const tokens: { readonly [S in Service]: { readonly asked: string; readonly told: string } } = {
  ec2: { asked: 'NextToken', told: 'NextToken' },
  ssm: { asked: 'NextToken', told: 'NextToken' },
  sts: { asked: 'NextToken', told: 'NextToken' },
  kms: { asked: 'Marker', told: 'NextMarker' },
  ebs: { asked: 'NextToken', told: 'NextToken' },
}

/** The first client that was made: its credentials are those of all others, so that a person is asked for a second factor once. */
interface Shared {
  first: Promise<Open> | null
}

function callsIn(options: AwsOptions, shared: Shared): AwsCalls {
  const { region, profile, signal, deadlineMs = 60_000 } = options
  const config = configOf(options)
  const opened = new Map<Service, Promise<Open>>()

  function clientOf(service: Service): Promise<Open> {
    const there = opened.get(service)
    if (there !== undefined) return there
    const made =
      shared.first === null
        ? open[service](config)
        : shared.first.then(({ client }) =>
            open[service]({ ...config, credentials: client.config.credentials }),
          )
    shared.first ??= made
    opened.set(service, made)
    return made
  }

  async function call(service: Service, operation: string, input: unknown): Promise<unknown> {
    return inTime(signal, deadlineMs, async (abortSignal) => {
      const { commands, client } = await clientOf(service)
      const Made = commands[`${operation}Command`] as Command
      return client.send(new Made(input), { abortSignal })
    })
  }

  async function found(
    service: Service,
    operation: string,
    input: unknown,
    absent: readonly string[],
  ): Promise<unknown> {
    try {
      return await call(service, operation, input)
    } catch (cause) {
      if (signal.aborted) throw new MintmarkError('INTERRUPTED', 'stopped', { cause })
      if (cause instanceof TypeError) {
        // A mistake of ours, not an answer; but for an address of the environment that is none.
        if (!('code' in cause) || cause.code !== 'ERR_INVALID_URL') throw cause
        throw new MintmarkError('CONFIG_INVALID', 'the endpoint for AWS is no address', {
          hint: 'write AWS_ENDPOINT_URL like http://127.0.0.1:4566, or leave it out',
          cause,
        })
      }
      if (absent.includes(codeOf(cause).name)) return null
      const about = { region, profile: profile ?? null, seconds: deadlineMs / 1000 }
      throw explainAws(cause, { ...about, action: `${service}:${operation}` })
    }
  }

  async function* pages(
    service: Service,
    operation: string,
    input: object,
    absent: readonly string[],
  ): AsyncGenerator<unknown> {
    const { asked, told } = tokens[service]
    const seen = new Set<unknown>()
    let token: unknown
    do {
      const page = await found(
        service,
        operation,
        token === undefined ? input : { ...input, [asked]: token },
        absent,
      )
      if (page === null) return
      // An empty list is there, and empty. Where not even that is, whoever answered is not the service: a proxy's page to sign in.
      if (Object.keys(page as object).every((key) => key === '$metadata'))
        throw new MintmarkError(
          'PROVIDER_UNREACHABLE',
          `${service}:${operation} in ${region} was answered with nothing, by something that is not AWS`,
          { hint: 'check the network, its proxy and AWS_ENDPOINT_URL, then run the same command again' },
        )
      yield page
      token = (page as Readonly<Record<string, unknown>>)[told] || undefined
      if (seen.has(token))
        throw new MintmarkError(
          'PROVIDER_REFUSED',
          `${service}:${operation} in ${region} gives the same page again and again`,
          { hint: 'run the same command again; if it stays so, tell AWS' },
        )
      seen.add(token)
    } while (token !== undefined)
  }

  async function credentials(): Promise<AwsCredentials> {
    try {
      const { client } = await clientOf('sts')
      const found = await inTime(signal, deadlineMs, () => client.config.credentials())
      const { accessKeyId, secretAccessKey, sessionToken = null } = found
      return { accessKeyId, secretAccessKey, sessionToken }
    } catch (cause) {
      if (signal.aborted) throw new MintmarkError('INTERRUPTED', 'stopped', { cause })
      const about = { region, profile: profile ?? null, seconds: deadlineMs / 1000 }
      throw explainAws(cause, { ...about, action: 'sts:GetCallerIdentity' })
    }
  }

  // The one place where what the table and the SDK say of a call meets what is sent.
  const callsOf = <S extends Service>(service: S) =>
    ({
      send: (operation: string, input: unknown) => found(service, operation, input, []),
      find: (operation: string, input: unknown, absent: readonly string[]) =>
        found(service, operation, input, absent),
      pages: (operation: string, input: object, absent: readonly string[] = []) =>
        pages(service, operation, input, absent),
    }) as unknown as ServiceCalls<S>

  return {
    region,
    profile: profile ?? null,
    ec2: callsOf('ec2'),
    ssm: callsOf('ssm'),
    sts: callsOf('sts'),
    kms: callsOf('kms'),
    ebs: callsOf('ebs'),
    credentials,
    at: (other) => callsIn({ ...options, region: other }, shared),
    as: (other) => {
      const { profile: _profile, ...rest } = options
      return callsIn({ ...rest, credentials: other }, { first: null })
    },
    unstopped: () => callsIn({ ...options, signal: new AbortController().signal }, shared),
    close() {
      for (const service of opened.values())
        void service.then(
          ({ client }) => client.destroy(),
          () => undefined,
        )
      opened.clear()
    },
  }
}

/**
 * Calls to AWS in one region, with the credentials that the SDK finds; none are asked for. Nothing is loaded or looked for before the
 * first one. Throttling is waited out, up to the deadline.
 * @throws MintmarkError CONFIG_INVALID for a region that is none
 */
export const awsCalls = (options: AwsOptions): AwsCalls => callsIn(options, { first: null })
