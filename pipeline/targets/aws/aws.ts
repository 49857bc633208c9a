import { amiOwners } from '../../core/ami-owners.ts'
import { debianMirror, mirrorSetting } from '../../core/apt-sources.ts'
import { parseRepoMirrors } from '../../core/repo-mirrors.ts'
import { MintmarkError } from '../../errors.ts'
import type { AmiLock } from '../../model/ami.ts'
import type { ResolvedBase } from '../../model/base.ts'
import type { Definition } from '../../model/definition.ts'
import type { World } from '../../ports/world.ts'
import type { VariablesInput } from '../building.ts'
import { pendingUpgrades } from '../qemu/archive/pending-upgrades.ts'
import type { GuestMirrors, OfferInput, Target } from '../target.ts'
import { lockAmi } from './base/lock.ts'
import { observeAmi } from './base/observe.ts'
import { resolveAmi } from './base/resolve.ts'
import { changeOf, collectAmi, placeOfBuilt } from './build/collect.ts'
import { consoleOfRun } from './build/console.ts'
import {
  marksOf,
  nameOfImage,
  type PreparedBuild,
  prepareBuild,
  requireKey,
  unprepared,
} from './build/prepare.ts'
import { refusalOfBuild } from './build/refusal.ts'
import { remainsOf } from './build/remains.ts'
import { cleanup, deregister } from './build/sweep.ts'
import { awsOf, callsAt, callsOfBuild, requireOwnAccount } from './connect.ts'
import { amiPlace, rawDisk, readDisk } from './disk/read.ts'
import { launchFor } from './machines/launch-for.ts'
import { policies } from './policies.ts'
import { amiOf, distributeAmi } from './publish/distribute.ts'
import { pendingRegions } from './publish/pending.ts'
import { publishAmi } from './publish/publish.ts'
import { keyIn } from './publish/region-key.ts'
import { awsSharing } from './share/sharing.ts'
import { marks } from './tags.ts'

const arch = 'x86_64' as const

const maxAgeOf = ({ base }: Definition): string => ('maxAge' in base ? base.maxAge : '90d')

const amiInput = ({ world, image, definition, earlier }: OfferInput) =>
  ({
    calls: callsOfBuild(world, image, definition),
    image,
    family: definition.os.family,
    release: definition.os.release,
    arch,
    maxAge: maxAgeOf(definition),
    earlier: earlier?.from === 'ami' ? earlier : null,
    now: world.clock.now(),
  }) as const

/** Of Packer's waits: two hours. */
const pollSeconds = 5
const pollAttempts = 1440

/** Packer takes what it is handed, and looks nowhere else for credentials. */
const alone = {
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
} as const

/** What of a definition the source's template needs; empty texts stand for what it does not say. */
function sourceValues(definition: Definition): Readonly<Record<string, string | number>> {
  const target = awsOf('IMAGE', definition)
  const { build, instanceType } = target
  const { network } = build
  return {
    region: build.region,
    kmsKey: keyIn(target, build.region),
    instanceType,
    diskGiB: Number.parseInt(definition.disk.size, 10),
    subnet: network?.subnet ?? '',
    instanceProfile: network?.instanceProfile ?? '',
    sshInterface: network?.sessionManager === true ? 'session_manager' : '',
  }
}

/** Of this machine's own mirrors an instance may reach none: Debian's own, unless a setting says otherwise. */
async function guestMirrors({ env }: Pick<World, 'env'>): Promise<GuestMirrors> {
  const set = (name: string): string | null =>
    (env[name] ?? '') === '' ? null : mirrorSetting(name, env[name] ?? '')
  return {
    archive: set('MINTMARK_DEBIAN_MIRROR') ?? debianMirror.archive,
    security: set('MINTMARK_DEBIAN_SECURITY_MIRROR') ?? debianMirror.security,
    repos: new Map(parseRepoMirrors(env['MINTMARK_REPO_MIRRORS'])),
    proxy: '',
  }
}

/**
 * The AMI that a build stands on: the publisher's, or another image of ours.
 * @throws MintmarkError BASE_REFUSED for an image of ours that was built in another region, INTERNAL for a base of another target
 */
function baseAmi(base: ResolvedBase, region: string): { readonly imageId: string } {
  if (base.from === 'ami') return base
  if (base.from !== 'parent' || base.disk.format !== 'ami')
    throw new MintmarkError('INTERNAL', `a base from ${base.from} is no AMI to build on`)
  if (base.disk.region === region) return base.disk
  const { image, imageVersion, disk } = base
  throw new MintmarkError(
    'BASE_REFUSED',
    `the parent ${image}@${imageVersion} is ${disk.imageId} in ${disk.region}, and this image is built in ${region}`,
    { hint: `build both in one region: targets.aws.build.region in images/${image}.yaml` },
  )
}

function prepared(input: VariablesInput, resolved: ResolvedBase): Promise<PreparedBuild> {
  const { world, image, definition } = input
  const spec = awsOf(image, definition)
  const base = baseAmi(resolved, spec.build.region)
  return prepareBuild({ ...input, calls: callsOfBuild(world, image, definition), spec, arch, base })
}

export const aws = {
  id: 'aws',
  arch,
  bootstraps: false,
  capabilities: { link: false, clock: false },
  loginUser: ({ os }) => amiOwners.find(({ family }) => family === os.family)?.login ?? 'ec2-user',
  host: async () => ({ accelerator: 'cloud', why: 'instances run at AWS' }),
  sourceInput: (definition) => ({
    template: 'aws',
    plugin: 'packer-plugin-amazon',
    name: 'source.amazon-ebs.image',
    poweroff: 'guest',
    values: sourceValues(definition),
  }),
  async buildVariables(input) {
    const { world, base } = input
    const mirrors = await guestMirrors(world)
    const { env } = world
    const own = base === null ? unprepared : await prepared(input, base)
    return {
      ...own,
      endpoint: env['AWS_ENDPOINT_URL_EC2'] || env['AWS_ENDPOINT_URL'] || '',
      poll_seconds: pollSeconds,
      poll_attempts: pollAttempts,
      archive_mirror: mirrors.archive,
      security_mirror: mirrors.security,
      repo_mirrors: [...mirrors.repos].map(([name, url]) => `${name}=${url}`).join(' '),
      http_proxy: mirrors.proxy,
    }
  },
  async buildEnvironment({ world, image, definition }) {
    const keys = await callsOfBuild(world, image, definition).credentials()
    return {
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      ...(keys.sessionToken === null ? {} : { AWS_SESSION_TOKEN: keys.sessionToken }),
      ...alone,
    }
  },
  buildConsole: ({ world, ...run }) => consoleOfRun(callsOfBuild(world, run.image, run.definition), run),
  buildRefusal: ({ world, image, definition }, lines) =>
    refusalOfBuild(callsOfBuild(world, image, definition), lines),
  async sweep({ world, image, definition, runId, keep, update }) {
    // Also when the process is asked to stop, before or meanwhile: what runs costs money.
    const calls = callsOfBuild(world, image, definition).unstopped()
    const { signal } = new AbortController()
    await requireOwnAccount(calls, image, awsOf(image, definition))
    await cleanup({
      calls,
      clock: world.clock,
      signal,
      image,
      run: runId,
      keep: ({ id }) => keep !== null && id === placeOfBuilt(keep).imageId,
      update,
    })
  },
  async resolveBase({ world, image, definition, lock }) {
    if (lock.from !== 'ami') throw new MintmarkError('INTERNAL', `a lock of ${lock.from} is none of aws`)
    const calls = callsOfBuild(world, image, definition)
    return resolveAmi({ calls, image, lock, maxAge: maxAgeOf(definition), now: world.clock.now() })
  },
  observeBase: async ({ image }) => {
    throw new MintmarkError('INTERNAL', `${image} is built on an AMI here: there is no archive to look at`)
  },
  async observeImage(input) {
    const { evidence } = await observeAmi(amiInput(input))
    return { name: evidence.name, built: evidence.built }
  },
  lockImage: (input): Promise<AmiLock> => lockAmi(amiInput(input)),
  baseRecipe: async () => null,
  pendingUpgrades,
  guestMirrors,
  async rawDisk({ world, built, to }) {
    const { region, imageId } = placeOfBuilt(built)
    await rawDisk(callsAt(world, region), { world, imageId, to })
  },
  async discard({ world, built }) {
    const { region, imageId } = placeOfBuilt(built)
    await deregister(callsAt(world, region), imageId)
  },
  async collect(input) {
    const { world, image, definition, built, update } = input
    const spec = awsOf(image, definition)
    const { region, imageId } = placeOfBuilt(built)
    const calls = callsAt(world, region)
    const name = nameOfImage(input, arch)
    const tags = Object.fromEntries(
      marks(marksOf(input), name, world.clock.now())
        // When it was made is for it to say.
        .filter(({ Key }) => Key !== 'mintmark:created')
        .map(({ Key, Value }) => [Key, Value]),
    )
    const key = await requireKey(calls, image, spec)
    const wanted = { account: spec.account, name, arch, key, tags }
    return collectAmi({ world, calls, imageId, wanted, arch, update })
  },
  unchanged: async ({ world, artifact }) => {
    const ami = amiOf(artifact)
    return changeOf(callsAt(world, ami.region), ami)
  },
  launch: (input) => launchFor(callsAt(input.world, amiPlace(input.artifact).region), arch, input),
  async readDisk({ artifact, ...input }) {
    const ami = amiPlace(artifact)
    return readDisk(callsAt(input.world, ami.region), { ...input, artifact: ami })
  },
  async publish({ world, gate, artifact }) {
    const ami = amiOf(artifact)
    return publishAmi(callsAt(world, ami.region), gate, ami)
  },
  async distribute({ definition, record, ...input }) {
    const artifact = amiOf(record.artifact)
    const calls = callsAt(input.world, artifact.region)
    const target = awsOf(record.image, definition)
    return distributeAmi({ ...input, calls, target, facts: record, artifact })
  },
  async undistributed({ definition, record, ...input }) {
    const artifact = amiOf(record.artifact)
    const calls = callsAt(input.world, artifact.region)
    return pendingRegions({
      ...input,
      calls,
      target: awsOf(record.image, definition),
      facts: record,
      artifact,
    })
  },
  whereIs: (_world, artifact) => ({
    address: artifact.format === 'ami' ? `${artifact.imageId} in ${artifact.region}` : artifact.sha256,
    path: null,
  }),
  remains: (input) =>
    remainsOf((region) => callsAt(input.world, region), awsOf(input.image, input.definition), input),
  // All that a killed run left on this machine is in its run folder.
  leftovers: async () => [],
  sharing: awsSharing(callsAt),
  policies,
} as const satisfies Target
