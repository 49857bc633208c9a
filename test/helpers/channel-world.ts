import { join } from 'node:path'
import { bytesToSign, envelopeText } from '../../pipeline/core/dsse.ts'
import { provenanceReport } from '../../pipeline/core/provenance.ts'
import { buildStatement, payloadOf } from '../../pipeline/core/statement.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { World } from '../../pipeline/ports/world.ts'
import type { Trust } from '../../pipeline/stages/chain.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { trustedKeys } from '../../pipeline/stages/verify-release.ts'
import { publicKeyOf } from './public-key-of.ts'
import { type FixtureOptions, fixtureRelease } from './release-fixture.ts'
import { textOf } from './sources.ts'
import { type TestWorld, testWorld } from './world.ts'

export const began = new Date('2026-11-22T03:00:00Z')

export interface ChannelWorld {
  readonly box: TestWorld
  /** At `began`, with a checkout of its own and no scanner. */
  readonly world: World
  /** The same, some hours later. */
  readonly later: (hours: number) => World
  readonly trust: () => Promise<Trust>
}

/** Nothing is to be scanned with, so the last look of a release is judged: no network, no second of waiting. */
export const withoutScanner = (world: World): World => ({
  ...world,
  tools: {
    ...world.tools,
    need: async (name) => {
      throw new MintmarkError('TOOL_MISSING', `${name} is not installed`)
    },
  },
})

/**
 * A world whose checkout has the image debian-13 with these channels, and whose own key is trusted.
 * @param channels as in a definition, in YAML's flow style
 */
export async function channelWorld(
  channels = '{stable: {needs: {approvals: 1, soak: 48h}}}',
  options: { readonly trusted?: boolean } = {},
): Promise<ChannelWorld> {
  const box = await testWorld({ now: began })
  const root = join(box.folder, 'checkout')
  const world = withoutScanner({ ...box.world, places: { ...box.world.places, root }, env: {} })
  const definition = textOf('images/debian-13.yaml').replace(/^channels:.*$/m, `channels: ${channels}`)
  await world.files.write(join(root, 'images/debian-13.yaml'), definition)
  await world.files.write(join(root, 'scans/policies/default.yaml'), textOf('scans/policies/default.yaml'))
  if (options.trusted !== false) await trustOwnKey(world)
  return {
    box,
    world,
    later: (hours) => ({
      ...world,
      clock: { ...world.clock, now: () => new Date(began.getTime() + hours * 3_600_000) },
    }),
    trust: async () => ({ trust: await trustedKeys(world, null), onlyTrust: false }),
  }
}

export async function trustOwnKey(world: World): Promise<void> {
  const { keyid, pem } = await publicKeyOf(world.keys)
  const key = { keyid, name: 'the release job', publicKey: pem, from: '2026-01-01', until: '2099-12-31' }
  const path = join(world.places.root, 'scans/policies/trust.yaml')
  await world.files.write(path, JSON.stringify({ schema: 1, keys: [key] }))
}

/** A release that passes all that a channel may ask; returns its version. */
export const released = async (world: World, runId: string, options: FixtureOptions = {}): Promise<string> =>
  (await fixtureRelease(world, { runId, allPass: true, ...options })).version

/** The same image once more as the variant of another architecture: data alone, nothing here runs it. */
export async function secondVariant(world: World, version: string): Promise<void> {
  const { statement } = await findRelease(world, `debian-13@${version}`)
  // Like a record of before there was provenance.
  const { builder: _builder, reports, ...predicate } = statement.predicate
  const { [provenanceReport]: _provenance, ...others } = reports
  const payload = payloadOf(buildStatement({ ...predicate, reports: others, arch: 'aarch64' }))
  const text = envelopeText(payload, [await world.keys.sign(bytesToSign(payload))])
  await world.catalog.createOnly(`releases/debian-13/${version}/qemu-aarch64.dsse.json`, text)
}
