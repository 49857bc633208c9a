import { chmod, chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run as shareVerb } from '../../pipeline/cli/verbs/share.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { readEvents } from '../../pipeline/stages/events.ts'
import { moveChannel } from '../../pipeline/stages/move-channel.ts'
import { locateAll, openRecord } from '../../pipeline/stages/read-release.ts'
import { isShare } from '../../pipeline/stages/share-plan.ts'
import { trustedKeys } from '../../pipeline/stages/verify-release.ts'
import { publicKeyOf } from './public-key-of.ts'
import { type FixtureOptions, fixtureRelease } from './release-fixture.ts'
import { textOf } from './sources.ts'
import { type TestWorld, testWorld } from './world.ts'

/** An export folder, a release 1.0.0 in stable, and a definition that shares stable with that folder. */
export interface FolderBox {
  box: TestWorld
  world: World
  folder: string
  /** The principal that names it. */
  who: string
  /** The image's own folder in it. */
  home: string
}

export const group = 4 // adm, on every Debian
export const isRoot = process.getuid?.() === 0

export async function folderBox(): Promise<FolderBox> {
  const box = await testWorld()
  const folder = join(box.folder, 'golden')
  const who = `folder:${folder}`
  await mkdir(folder)
  if (isRoot) await chown(folder, 0, group)
  await chmod(folder, 0o2750)
  const world = await sharingCheckout(box, { stable: [who] })
  await released(world, 'r-1')
  await trustOwnKey(world)
  await pointTo(world, 'stable', '1.0.0')
  return { box, world, folder, who, home: join(folder, 'debian-13') }
}

/** Principals by channel. */
export type Named = Readonly<Record<string, readonly string[]>>

/** A checkout of its own, whose definition of debian-13 shares as told. */
export async function sharingCheckout(box: TestWorld, named: Named): Promise<World> {
  const root = join(box.folder, 'checkout')
  const world = { ...box.world, places: { ...box.world.places, root } }
  for (const path of ['scans/policies/default.yaml', 'images/debian-13.lock.json'])
    await world.files.write(join(root, path), textOf(path))
  for (const name of ['inside.sh', 'make-disk.sh']) {
    const path = `pipeline/targets/qemu/archive/${name}`
    await world.files.write(join(root, path), textOf(path))
  }
  await nameThem(world, named)
  return world
}

/** What somebody does who edits the definition. */
export async function nameThem(world: World, named: Named): Promise<void> {
  const text = textOf('images/debian-13.yaml').replace(/^channels: .*$/m, '')
  const channels = Object.fromEntries(
    Object.entries({ nightly: [], stable: [], ...named }).map(([name, qemu]) => [name, { share: { qemu } }]),
  )
  await world.files.write(
    join(world.places.root, 'images/debian-13.yaml'),
    `${text}channels: ${JSON.stringify(channels)}\n`,
  )
}

/** Somebody else vouches for this machine's key. */
export async function trustOwnKey(world: World): Promise<void> {
  const { keyid, pem } = await publicKeyOf(world.keys)
  const entry = { keyid, name: 'team-platform', publicKey: pem, from: '2026-01-01', until: '2036-01-01' }
  await world.files.write(
    join(world.places.root, 'scans/policies/trust.yaml'),
    JSON.stringify({ schema: 1, keys: [entry] }),
  )
}

/** A release whose image are these bytes; nightly points to it. */
export const released = (world: World, runId: string, options: FixtureOptions = {}) =>
  fixtureRelease(world, { runId, ...options })

/** The record of a version, and who is believed. */
export async function recordOf(world: World, version: string) {
  const located = (await locateAll(world, 'debian-13')).find((item) => item.version === version)
  if (located === undefined) throw new Error(`no ${version}`)
  const trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  return { release: openRecord(located), trust }
}

/** Moves the channel as a promotion does, whatever it needs. */
export async function pointTo(world: World, channel: string, version: string): Promise<void> {
  const { release, trust } = await recordOf(world, version)
  await moveChannel(
    world,
    {
      release,
      channel,
      data: { why: 'promoted', by: 'a tester', diff: null, approvals: [], reason: null },
      decide: () => true,
    },
    trust,
  )
}

/** A world whose apply is killed when it is about to tell a release's history. */
export const killedBeforeEvents = (world: World): World => ({
  ...world,
  catalog: {
    ...world.catalog,
    createOnly: async (key, text) => {
      if (key.startsWith('releases/')) throw new Error('killed')
      return world.catalog.createOnly(key, text)
    },
  },
})

export interface Shared {
  readonly exit: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: what a program reads
  readonly data: any
}

/** `share ...`, as a person types it. */
export async function share(
  box: TestWorld,
  world: World,
  word: 'plan' | 'apply',
  options: Readonly<Record<string, string | boolean>> = {},
): Promise<Shared> {
  box.told.results.length = 0
  const exit = await shareVerb({ world, args: [word, 'debian-13'], options: { by: 'a tester', ...options } })
  const [result] = box.told.results
  const data = JSON.parse(JSON.stringify(result?.data))
  return { exit: exit ?? 0, text: result?.text ?? '', data }
}

/** Every share event of the image, oldest first: what a person reads from the histories. */
export async function shareEvents(world: World): Promise<readonly string[]> {
  const events = []
  for (const located of await locateAll(world, 'debian-13')) {
    const chain = await readEvents(world, openRecord(located), { trust: [], onlyTrust: false })
    if (chain.broken !== null) throw new Error(chain.broken.text)
    events.push(...chain.events.filter(isShare))
  }
  return events
    .sort((a, b) => (a.event.at < b.event.at ? -1 : a.event.at > b.event.at ? 1 : 0))
    .map(({ event }) => `${event.kind} ${event.data.channel} ${event.version} ${event.data.principal}`)
}
