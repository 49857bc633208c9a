import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { containerDisk, layerAround, layoutFile } from '../../../pipeline/core/container-disk.ts'
import { sha256 } from '../../../pipeline/core/digest.ts'
import { sharedImage } from '../../../pipeline/core/shared-image.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { findRelease } from '../../../pipeline/stages/read-release.ts'
import {
  killedBeforeEvents,
  nameThem,
  pointTo,
  released,
  share,
  shareEvents,
  sharingCheckout,
  trustOwnKey,
} from '../../helpers/share-fixture.ts'
import { loggedIn, type Registry, startRegistry } from '../../helpers/trivy-db-registry.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  box: TestWorld
  world: World
  /** A real docker-registry that asks for a password. */
  registry: Registry
  repository: string
  who: string
}

const it = suite<Context>('share: OCI registry')

it.before.each(async (context) => {
  context.box = await testWorld()
  const { box } = context
  context.registry = await startRegistry(box.world, join(box.folder, 'registry'), {
    login: true,
    deletes: true,
  })
  context.repository = `${context.registry.host}/golden/debian-13`
  context.who = `oci:${context.repository}`
  const world = await sharingCheckout(box, { stable: [context.who] })
  context.world = await loggedIn(world, box.folder, context.registry)
  await released(context.world, 'r-1')
  await trustOwnKey(context.world)
  await pointTo(context.world, 'stable', '1.0.0')
})
it.after.each(async ({ box, registry }) => {
  await registry.stop()
  await box.close()
})

async function skopeo({ world }: Context, ...argv: readonly string[]) {
  const env = { REGISTRY_AUTH_FILE: world.env['REGISTRY_AUTH_FILE'] ?? '' }
  return world.exec.run(['skopeo', '--insecure-policy', ...argv], { ok: 'any', env })
}

/** Digest of what a consumer gets by a tag; null when it is not there. */
async function digestOf(context: Context, tag: string): Promise<string | null> {
  const { code, stdout } = await skopeo(
    context,
    'inspect',
    '--tls-verify=false',
    `docker://${context.repository}:${tag}`,
  )
  return code === 0 ? JSON.parse(stdout).Digest : null
}

it('pushed as a containerDisk; skopeo pulls it, and the disk in it is the release, byte for byte', async (context) => {
  const { box, world, who, repository } = context
  const planned = await share(box, world, 'plan')
  assert.match(planned.text, /^\+ {2}oci:.* stable 1\.0\.0 {2}gets the image; stable is new there$/m)
  const { exit, text, data } = await share(box, world, 'apply')
  assert.is(exit, 0, text)
  const [, digest] = String(data.done[0].reference).split('@')
  assert.is(data.done[0].reference, `${repository}@${digest}`)
  assert.is(await digestOf(context, '1.0.0'), digest)
  assert.is(await digestOf(context, 'stable'), digest)
  const pulled = join(box.folder, 'pulled')
  await skopeo(context, 'copy', '--src-tls-verify=false', `docker://${repository}:stable`, `dir:${pulled}`)
  const manifest = JSON.parse(await readFile(join(pulled, 'manifest.json'), 'utf8'))
  assert.is(sha256(await readFile(join(pulled, 'manifest.json'))), digest?.replace('sha256:', ''))
  const [layer] = manifest.layers
  const tar = join(pulled, layer.digest.replace('sha256:', ''))
  const listing = await world.exec.run(['tar', '--list', '--verbose', '--numeric-owner', '--file', tar])
  assert.match(listing.stdout, /^-r--r----- 107\/107 .* disk\/debian-13\.qcow2$/m)
  const disk = await world.exec.run(['tar', '-xOf', tar, 'disk/debian-13.qcow2'])
  assert.is(disk.stdout, 'image of r-1')
  assert.equal(await shareEvents(world), [`granted stable 1.0.0 ${who}`])
  const again = await share(box, world, 'apply')
  assert.match(again.text, /nothing to do/)
  assert.equal((await shareEvents(world)).length, 1)
  // Nothing is left of the packing.
  assert.equal(await world.files.list(world.places.runs), ['debian-13'])
})

it('the channel moves: its tag follows, the version before stays, the one before that is deleted', async (context) => {
  const { box, world, who } = context
  await share(box, world, 'apply')
  const first = await digestOf(context, '1.0.0')
  for (const [runId, version] of [
    ['r-2', '1.0.1'],
    ['r-3', '1.0.2'],
  ] as const) {
    await released(world, runId)
    await pointTo(world, 'stable', version)
    const { exit, text } = await share(box, world, 'apply')
    assert.is(exit, 0, text)
    assert.is(await digestOf(context, 'stable'), await digestOf(context, version))
  }
  assert.is(await digestOf(context, '1.0.0'), null)
  assert.is.not(await digestOf(context, '1.0.1'), null)
  // Back again: the image is brought once more, with the same bytes.
  await pointTo(world, 'stable', '1.0.0')
  assert.is((await share(box, world, 'apply')).exit, 0)
  assert.is(await digestOf(context, 'stable'), first)
  assert.equal((await shareEvents(world)).slice(-2), [
    `granted stable 1.0.0 ${who}`,
    `revoked stable 1.0.1 ${who}`,
  ])
})

it('a channel that is taken away leaves the image to another one; then all goes', async (context) => {
  const { box, world, who } = context
  await nameThem(world, { nightly: [who], stable: [who] })
  await share(box, world, 'apply')
  await nameThem(world, { nightly: [who] })
  const one = await share(box, world, 'plan')
  assert.match(one.text, /loses the channel; another one still gives it the image/)
  const applied = await share(box, world, 'apply', { plan: one.data.plan })
  assert.is(applied.exit, 0, applied.text)
  assert.is(await digestOf(context, 'stable'), null)
  assert.is.not(await digestOf(context, '1.0.0'), null)
  assert.is((await share(box, world, 'plan', { detailedExitcode: true })).exit, 0)
  await nameThem(world, {})
  const all = await share(box, world, 'plan')
  assert.is((await share(box, world, 'apply', { plan: all.data.plan })).exit, 0)
  for (const tag of ['nightly', '1.0.0']) assert.is(await digestOf(context, tag), null)
  assert.is((await share(box, world, 'plan', { detailedExitcode: true })).exit, 0)
})

it('a wrong password, a registry that is down, one without TLS: blocked, and the others are served', async (context) => {
  const { box, world, who, registry } = context
  const folder = join(box.folder, 'golden')
  await world.files.makeFolder(folder, { mode: 0o750 })
  await nameThem(world, { stable: [who, `folder:${folder}`, 'oci:127.0.0.1:1/golden/debian-13'] })
  const stranger = await loggedIn(world, box.folder, registry, 'sword fish')
  const refused = await share(box, stranger, 'apply')
  assert.is(refused.exit, 10)
  assert.match(refused.text, /✓ given to folder:/)
  assert.ok(refused.text.includes(`the registry ${registry.host} refuses the login for ${who.slice(4)}`))
  assert.match(refused.text, /→ skopeo login 127\.0\.0\.1:\d+/)
  assert.match(refused.text, /the registry 127\.0\.0\.1:1 can't be reached/)
  assert.not.match(JSON.stringify(box.told), /sword fish/)
  await registry.stop()
  const down = await share(box, world, 'plan')
  assert.is(down.exit, 0)
  assert.match(down.text, /^! {2}oci:.*can't be reached: .*connection refused/m)
  assert.is((await share(box, world, 'apply')).exit, 10)
  assert.equal(await shareEvents(world), [`granted stable 1.0.0 folder:${folder}`])
})

it('a tag that somebody removed leaves the image by its digest: un-sharing takes that too, giving sets the tag again', async (context) => {
  const { box, world, repository, who } = context
  await share(box, world, 'apply')
  const digest = await digestOf(context, '1.0.0')
  const untag = (tag: string): Promise<void> =>
    world.files.remove(
      join(
        box.folder,
        'registry/registry/docker/registry/v2/repositories/golden/debian-13/_manifests/tags',
        tag,
      ),
    )
  const byDigest = () => skopeo(context, 'inspect', '--tls-verify=false', `docker://${repository}@${digest}`)
  await untag('1.0.0')
  assert.is(await digestOf(context, '1.0.0'), null)
  assert.is((await share(box, world, 'apply')).exit, 0)
  assert.is(await digestOf(context, '1.0.0'), digest)
  await untag('1.0.0')
  await untag('stable')
  assert.is((await byDigest()).code, 0)
  await nameThem(world, {})
  const { text, data } = await share(box, world, 'plan')
  assert.match(text, /^- {2}oci:.*loses the image/m)
  assert.is((await share(box, world, 'apply', { plan: data.plan })).exit, 0)
  assert.is.not((await byDigest()).code, 0)
  assert.equal(await shareEvents(world), [`granted stable 1.0.0 ${who}`, `revoked stable 1.0.0 ${who}`])
})

it('a registry that deletes nothing: told by its 405, and what is there stays granted', async (context) => {
  const { box, world, who, registry } = context
  await share(box, world, 'apply')
  await registry.stop()
  context.registry = await startRegistry(box.world, join(box.folder, 'registry'), {
    login: true,
    host: registry.host,
  })
  await nameThem(world, {})
  const { data } = await share(box, world, 'plan')
  const { exit, text } = await share(box, world, 'apply', { plan: data.plan })
  assert.is(exit, 8, text)
  assert.match(text, /does not let images be deleted \(405\)\n/)
  assert.match(text, /REGISTRY_STORAGE_DELETE_ENABLED=true/)
  assert.equal(await shareEvents(world), [`granted stable 1.0.0 ${who}`])
})

it('a tag that is something else is not touched', async (context) => {
  const { box, world } = context
  const database = join(box.folder, 'db')
  await world.files.write(join(database, 'trivy.db'), 'x')
  await world.files.write(join(database, 'metadata.json'), '{}')
  const open = await startRegistry(box.world, join(box.folder, 'open'), {})
  try {
    await open.push('golden/debian-13', 'stable', database)
    await nameThem(world, { stable: [`oci:${open.host}/golden/debian-13`] })
    const { exit, text } = await share(box, world, 'apply')
    assert.is(exit, 10)
    assert.match(text, /is no image of debian-13: give each image a repository of its own/)
  } finally {
    await open.stop()
  }
})

it('a tag that only says that it is ours is no release: neither left as right nor overwritten', async (context) => {
  const { box, world, repository } = context
  await share(box, world, 'apply')
  // Somebody who may push there: the same labels around other bytes.
  const release = sharedImage((await findRelease(world, 'debian-13@1.0.0')).statement.predicate, 'a record')
  const disk = Buffer.from('other bytes')
  const folder = join(box.folder, 'forged')
  const { before, after } = layerAround({ ...release, bytes: disk.length })
  const layer = Buffer.concat([before, disk, after])
  const forged = containerDisk(release, { sha256: sha256(layer), bytes: layer.length })
  await world.files.write(join(folder, 'oci-layout'), layoutFile)
  await world.files.write(join(folder, 'index.json'), forged.index)
  await world.files.write(join(folder, 'blobs/sha256', sha256(layer)), layer)
  for (const { sha256: name, text } of [forged.config, forged.manifest])
    await world.files.write(join(folder, 'blobs/sha256', name), text)
  const copy = ['copy', '--preserve-digests', '--dest-tls-verify=false', `oci:${folder}`]
  const { code, stderr } = await skopeo(context, ...copy, `docker://${repository}:stable`)
  assert.is(code, 0, stderr)
  const { text } = await share(box, world, 'plan')
  assert.match(text, /^! .*:stable is sha256:[0-9a-f]{64} and says that it is 1\.0\.0, which is sha256:/m)
  assert.is((await share(box, world, 'apply')).exit, 10)
  assert.is(await digestOf(context, 'stable'), `sha256:${forged.manifest.sha256}`)
})

it('without skopeo it says what to install', async (context) => {
  const { box, world } = context
  const bare = { ...world, exec: { ...world.exec, which: async () => null } }
  const { text } = await share(box, bare, 'plan')
  assert.match(text, /skopeo is not on this machine\n {4}→ \.\/mintmark setup --for share --yes/)
})

it('stopped between the push and its event: told once by the next apply', async (context) => {
  const { box, world, who } = context
  await share(box, killedBeforeEvents(world), 'apply').then(
    () => assert.unreachable(),
    (cause: Error) => assert.is(cause.message, 'killed'),
  )
  const before = await digestOf(context, 'stable')
  await share(box, world, 'apply')
  await share(box, world, 'apply')
  assert.equal(await shareEvents(world), [`granted stable 1.0.0 ${who}`])
  assert.is(await digestOf(context, 'stable'), before)
})

it.run()
