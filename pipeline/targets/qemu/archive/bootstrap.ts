import { join } from 'node:path'
import type { Mirror } from '../../../core/apt-sources.ts'
import { suitesOf } from '../../../core/debian-archive.ts'
import { MintmarkError } from '../../../errors.ts'
import type { SeenSuite } from '../../../model/base.ts'
import type { World } from '../../../ports/world.ts'
import { epochOf, recipeOptions, scriptPath } from './recipe.ts'

const minuteMs = 60_000

export interface Bootstrapped {
  /** The whole root; what the host needs besides is below `.mintmark` in it. */
  readonly tar: string
  /** The InRelease files that apt used. */
  readonly lists: string
  readonly packages: string
}

export interface BootstrapInput {
  readonly world: World
  readonly codename: string
  readonly mirror: Mirror
  readonly keyring: string
  /** Scratch, mode 0755: root inside the user namespace is nobody outside and has to get in. */
  readonly folder: string
  readonly suites: readonly SeenSuite[]
  readonly update: (text: string) => void
}

const isFull = (cause: MintmarkError): boolean => /No space left/i.test(cause.lines.join('\n'))

function noSpace(cause: MintmarkError): MintmarkError {
  return new MintmarkError('NO_SPACE', 'no space left while the base was made', {
    hint: 'free some space in /var/tmp, or put scratch elsewhere: export TMPDIR=/a/larger/folder',
    details: cause.lines,
    cause,
  })
}

/** A tool that failed because a disk is full is told as that. */
export const orNoSpace = (cause: unknown): unknown =>
  cause instanceof MintmarkError &&
  (cause.code === 'NO_SPACE' || (cause.code === 'TOOL_FAILED' && isFull(cause)))
    ? noSpace(cause)
    : cause

/** What a failed mmdebstrap means for the person who has to mend it. */
function explain(cause: unknown): unknown {
  if (!(cause instanceof MintmarkError)) return cause
  if (orNoSpace(cause) !== cause) return orNoSpace(cause)
  if (cause.code !== 'TOOL_FAILED') return cause
  const said = cause.lines.join('\n')
  const { lines: details } = cause
  if (
    /Could not connect|Failed to fetch|Temporary failure resolving|Connection (failed|timed out)|Could not resolve/i.test(
      said,
    )
  ) {
    return new MintmarkError('PROVIDER_UNREACHABLE', 'the mirror stopped answering during the bootstrap', {
      details,
      cause,
    })
  }
  if (/subuid|subgid|newuidmap|newgidmap/i.test(said)) {
    return new MintmarkError(
      'TOOL_FAILED',
      'mmdebstrap needs subordinate user ids for this user, to work without root',
      {
        hint: 'apt-get install uidmap && sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"',
        details,
        cause,
      },
    )
  }
  if (/unshare|Operation not permitted/i.test(said)) {
    return new MintmarkError('TOOL_FAILED', 'mmdebstrap may not make user namespaces on this machine', {
      hint: 'sudo sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0 (whichever of the two there is)',
      details,
      cause,
    })
  }
  return cause
}

export interface MmdebstrapInput {
  readonly world: World
  readonly codename: string
  readonly mirror: Mirror
  readonly keyring: string
  /** Scratch, mode 0755: root inside the user namespace is nobody outside and has to get in. */
  readonly folder: string
  /** All options but the keyring's. */
  readonly options: readonly string[]
  /** Seconds since 1970 that take the place of today's time. */
  readonly epoch?: number
  readonly onLine: (line: string) => void
}

/** Runs mmdebstrap over the suites of a release. @returns path of the tar that it wrote */
export async function mmdebstrap(input: MmdebstrapInput): Promise<string> {
  const { world, codename, mirror, folder, epoch } = input
  const tar = join(folder, 'root.tar')
  const sources = suitesOf(codename).map(({ name, archive }) => `deb ${mirror[archive]} ${name} main`)
  const argv = ['mmdebstrap', ...input.options, `--keyring=${input.keyring}`, codename, tar, ...sources]
  try {
    await world.exec.run(argv, {
      env: { TMPDIR: folder, ...(epoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(epoch) }) },
      timeoutMs: 30 * minuteMs,
      // As an ordinary user it needs newuidmap, which has no power in a user namespace of ours: hence no `tree`.
      leash: world.exec.isRoot ? 'tree' : 'group',
      onLine: input.onLine,
    })
  } catch (cause) {
    throw explain(cause)
  }
  return tar
}

/** Takes members (folders whole) out of mmdebstrap's tar into the folder. */
export async function takeOut(
  world: World,
  tar: string,
  folder: string,
  members: readonly string[],
): Promise<void> {
  await world.exec.run(['tar', '-C', folder, '-xf', tar, ...members], {
    timeoutMs: 5 * minuteMs,
    leash: 'child',
  })
}

/**
 * Bootstraps a root from the archive; apt verifies every package against Release files signed by the keyring's keys.
 * @throws MintmarkError TOOL_MISSING, TOOL_FAILED, PROVIDER_UNREACHABLE or NO_SPACE
 */
export async function bootstrap(input: BootstrapInput): Promise<Bootstrapped> {
  const { world, codename, folder, update } = input
  // From the checkout, which may be in a private home, to where root of the user namespace can read it.
  const inside = join(folder, 'inside.sh')
  await world.files.write(inside, await world.files.readText(scriptPath(world, 'inside.sh')), { mode: 0o755 })
  const tar = await mmdebstrap({
    world,
    codename,
    mirror: input.mirror,
    keyring: input.keyring,
    folder,
    options: [...recipeOptions, `--customize-hook=${inside}`],
    epoch: epochOf(input.suites),
    onLine: (line) => {
      if (/^I: (?!running|removing|success|done)/.test(line)) update(line.slice(3))
    },
  })
  await takeOut(world, tar, folder, ['./.mintmark/lists', './.mintmark/packages.tsv'])
  return { tar, lists: join(folder, '.mintmark/lists'), packages: join(folder, '.mintmark/packages.tsv') }
}
