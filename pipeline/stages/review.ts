import { join } from 'node:path'
import { isPending } from '../core/share-plan.ts'
import { namedTargets } from '../core/variants.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import { targetOf } from './choose-target.ts'
import { ensureLasting } from './lasting-catalog.ts'
import { imageNames, loadDefinition } from './load-definition.ts'
import { loadPolicy, replacedPolicies } from './load-policy.ts'
import { loadWaivers } from './load-waivers.ts'
import { renderedBundle } from './render.ts'
import { ensureShippedScanners } from './scanner-files.ts'
import { lookAtShares, type ShareLook } from './share-plan.ts'
import { trustedKeys, trustPath } from './verify-release.ts'

/** What is said of one definition. */
export type Reviewed =
  /** The definition is wrong, or what it shares could not be looked at. */
  | { readonly image: string; readonly status: 'failed'; readonly error: MintmarkError }
  /** There was nothing to ask, or it was not asked. */
  | {
      readonly image: string
      readonly status: 'valid'
      /** Target -> digest of what it renders to; left out where that was not asked. */
      readonly bundles?: Readonly<Record<string, string>>
    }
  | { readonly image: string; readonly status: 'looked'; readonly look: ShareLook }

export interface ReviewInput {
  /** Definitions of a request, which are data and nobody's checkout; null for our own. */
  readonly folder: string | null
  /** Only whether they are well written: asks nobody. */
  readonly schemaOnly: boolean
  /** Render each definition as well, and read policies and waivers: needs no tool and no network. Only for our own. */
  readonly render: boolean
  readonly update: (text: string) => void
}

/** A definition is a page or two. */
const mostBytes = 256 * 1024

/** @throws MintmarkError CONFIG_INVALID for what is no plain file: a link would show what it leads to in a message */
async function ensurePlain({ files }: World, folder: string, image: string): Promise<void> {
  const info = await files.info(join(folder, `${image}.yaml`))
  if (info === null) return
  const { kind, size } = info
  if (kind !== 'file')
    throw new MintmarkError('CONFIG_INVALID', `images/${image}.yaml is a ${kind}, and no plain file`)
  if (size > mostBytes)
    throw new MintmarkError(
      'CONFIG_INVALID',
      `images/${image}.yaml has ${size} bytes, and a definition at most ${mostBytes}`,
    )
}

/** What a definition renders to on each of its targets, with all that it is judged by. @throws MintmarkError CONFIG_INVALID */
async function rendered(world: World, image: string): Promise<Readonly<Record<string, string>>> {
  const definition = await loadDefinition(world, image)
  await loadPolicy(world, definition.scan.policy)
  const bundles: Record<string, string> = {}
  for (const id of namedTargets(definition)) {
    const { bundle } = await renderedBundle(world, image, definition, targetOf(id))
    bundles[id] = bundle.digest
  }
  return bundles
}

/**
 * Checks each definition, and looks at what its share lists would change. Of a request nothing is run, and all but its definitions is
 * ours: settings, policies, trust. What is wrong with one does not hide the others.
 * @throws MintmarkError USAGE when the folder is none, NOT_FOUND when we have no definition, CONFIG_INVALID in a CI job without a catalog
 * that stays, or with a configuration of our own for scanners
 */
export async function review(world: World, input: ReviewInput): Promise<readonly Reviewed[]> {
  const { folder, schemaOnly, render, update } = input
  if (folder !== null && (await world.files.info(folder))?.kind !== 'folder')
    throw new MintmarkError('USAGE', `${folder} is no folder of definitions`, {
      hint: 'name the folder images of a checkout of the request',
    })
  if (folder !== null && render)
    throw new MintmarkError(
      'USAGE',
      `--render is for our own definitions: the files of those in ${folder} are not here`,
      {
        hint: './mintmark review --schema --render',
      },
    )
  // An empty catalog would say that nobody gets anything.
  if (!schemaOnly) ensureLasting(world, true)
  if (render) {
    await loadWaivers(world)
    await trustedKeys(world, null)
  }
  await ensureShippedScanners(world)
  const own = await imageNames(world)
  // All of nothing is well written: most likely it is the wrong folder.
  if (folder === null && own.length === 0)
    throw new MintmarkError('NOT_FOUND', `there is no definition in ${join(world.places.root, 'images')}`, {
      hint: 'run it in the repository with mintmark.yaml, or write a definition: ./mintmark init NAME',
    })
  const asked: World = folder === null ? world : { ...world, places: { ...world.places, images: folder } }
  const names = [...new Set([...own, ...(await imageNames(asked))])].sort()
  const reviewed: Reviewed[] = []
  for (const image of names) {
    update(image)
    try {
      if (folder !== null) await ensurePlain(world, folder, image)
      const there = (await imageNames(asked)).includes(image)
      if (there) await loadDefinition(asked, image)
      const bundles = there && render ? await rendered(world, image) : null
      const look = schemaOnly
        ? null
        : await lookAtShares(asked, { image, channel: null, update: (text) => update(`${image}: ${text}`) })
      const says = look !== null && (look.plan.actions.length > 0 || look.problems.length > 0)
      if (look !== null && says) reviewed.push({ image, status: 'looked', look })
      else if (there)
        reviewed.push({
          image,
          status: 'valid',
          ...(bundles === null ? {} : { bundles }),
        })
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code === 'INTERNAL' || world.signal.aborted) throw cause
      reviewed.push({ image, status: 'failed', error: cause })
    }
  }
  return reviewed
}

/** What is right and still worth a word: settings of the repository that are there or missing with a reason, or by mistake. */
export async function settingsNotes(world: World): Promise<readonly string[]> {
  const trust = await world.files.info(join(world.places.root, trustPath))
  return [
    ...(trust === null ? [`${trustPath} is missing: nothing goes beyond nightly`] : []),
    ...(await replacedPolicies(world)).map(
      (name) => `policy ${name} is this repository's own, not mintmark's`,
    ),
  ]
}

/** Whether somebody would get or lose something. */
export const isOpen = ({ plan }: ShareLook): boolean => plan.actions.some(isPending)

/** Whether something can't be done, or could not be looked at. */
export const isStuck = ({ plan, problems }: ShareLook): boolean =>
  problems.length > 0 || plan.actions.some((action) => action.kind === 'blocked')
