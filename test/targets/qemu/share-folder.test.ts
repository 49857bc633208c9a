import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as verifyVerb } from '../../../pipeline/cli/verbs/verify.ts'
import { sha256 } from '../../../pipeline/core/digest.ts'
import { parseEnvelope } from '../../../pipeline/core/dsse.ts'
import { processTag } from '../../../pipeline/ports/process-tag.ts'
import { publicKeyOf } from '../../helpers/public-key-of.ts'
import { refusal } from '../../helpers/refusal.ts'
import {
  type FolderBox,
  folderBox,
  killedBeforeEvents,
  nameThem,
  pointTo,
  released,
  share,
  shareEvents,
} from '../../helpers/share-fixture.ts'
import { testWorld } from '../../helpers/world.ts'

type Context = FolderBox
const it = suite<Context>('share: folder')

it.before.each(async (context) => void Object.assign(context, await folderBox()))
it.after.each((context) => context.box.close())

const file = (version: string): string => `${version}/debian-13-${version}-qemu-x86_64`
const readIndex = async (home: string) => JSON.parse(await readFile(join(home, 'index.json'), 'utf8'))

/** `sha256sum -c`, as a consumer runs it. */
const sumsHold = async ({ world, home }: Context): Promise<boolean> =>
  (await world.exec.run(['sha256sum', '--check', '--strict', 'SHA256SUMS'], { cwd: home, ok: 'any' }))
    .code === 0

async function promoteNext(context: Context, runId: string, version: string): Promise<void> {
  await released(context.world, runId)
  await pointTo(context.world, 'stable', version)
}

it('plan shows, apply gives; the same again does nothing, and tells nothing twice', async (context) => {
  const { box, world, who, home } = context
  const planned = await share(box, world, 'plan')
  assert.is(planned.exit, 0)
  assert.match(
    planned.text,
    new RegExp(`^\\+ {2}${who} {2}stable 1\\.0\\.0 {2}gets the image; stable is new there$`, 'm'),
  )
  assert.is((await share(box, world, 'plan', { detailedExitcode: true })).exit, 6)
  assert.equal(await readdir(context.folder), [])
  const applied = await share(box, world, 'apply')
  assert.is(applied.exit, 0, applied.text)
  assert.match(applied.text, /✓ given to folder:.*stable 1\.0\.0 .*event 1/)
  assert.is(applied.data.done[0].reference, join(home, `${file('1.0.0')}.qcow2`))
  assert.is(await readFile(join(home, `${file('1.0.0')}.qcow2`), 'utf8'), 'image of r-1')
  assert.ok(await sumsHold(context))
  const again = await share(box, world, 'apply')
  assert.is(again.exit, 0)
  assert.match(again.text, /nothing to do/)
  assert.is((await share(box, world, 'plan', { detailedExitcode: true })).exit, 0)
  assert.equal(await shareEvents(world), [`granted stable 1.0.0 ${who}`])
})

it('index, signed index, record and Incus metadata say what is there', async (context) => {
  const { box, world, home } = context
  await share(box, world, 'apply')
  const index = await readIndex(home)
  assert.equal(index.channels, { stable: { 'qemu-x86_64': '1.0.0' } })
  const [release] = index.releases
  assert.is(release.file, `${file('1.0.0')}.qcow2`)
  assert.is(release.sha256, sha256('image of r-1'))
  assert.is(release.login, 'debian')
  assert.equal(release.channels, ['stable'])
  const { envelope, payload } = parseEnvelope(await readFile(join(home, 'index.json.dsse.json'), 'utf8'))
  const statement = JSON.parse(Buffer.from(payload).toString())
  assert.equal(statement.predicate, index)
  assert.equal(statement.subject[0], { name: release.file, digest: { sha256: release.sha256 } })
  assert.is(envelope.signatures[0]?.keyid, (await world.keys.existing())?.keyid)
  assert.is(sha256(await readFile(join(home, `${file('1.0.0')}.dsse.json`))), release.record)
  const { stdout } = await world.exec.run([
    'tar',
    '-xOf',
    join(home, `${file('1.0.0')}-incus.tar`),
    'metadata.yaml',
  ])
  assert.is(JSON.parse(stdout).architecture, 'x86_64')
})

it('who has the folder verifies an image by the record beside it', async (context) => {
  const { box, world, home } = context
  await share(box, world, 'apply')
  const record = join(home, `${file('1.0.0')}.dsse.json`)
  const elsewhere = await testWorld()
  try {
    const pem = join(elsewhere.folder, 'key.pem')
    await writeFile(pem, (await publicKeyOf(world.keys)).pem)
    const verified = async (): Promise<string> => {
      elsewhere.told.results.length = 0
      await verifyVerb({ world: elsewhere.world, args: [record], options: { trust: pem } })
      return elsewhere.told.results[0]?.text ?? ''
    }
    assert.match(
      await verified(),
      /✓ {2}artifact +debian-13-1\.0\.0-qemu-x86_64\.qcow2 beside it has sha256:/,
    )
    await writeFile(join(home, `${file('1.0.0')}.qcow2`), 'another image')
    assert.match(await verified(), /✗ {2}artifact/)
  } finally {
    await elsewhere.close()
  }
})

it('the group may read and nothing more, nobody else may; the bytes are a copy', async (context) => {
  const { box, world, folder, home } = context
  const old = process.umask(0o077)
  try {
    await share(box, world, 'apply')
  } finally {
    process.umask(old)
  }
  const expected = (await stat(folder)).gid
  for (const name of await readdir(home, { recursive: true })) {
    const info = await stat(join(home, name))
    assert.is(info.gid, expected, name)
    const mode = (info.mode & 0o7777).toString(8)
    assert.is(mode, name === '.lock' ? '600' : info.isDirectory() ? '2750' : '640', name)
    assert.is(info.isFile() ? info.nlink : 1, 1)
  }
  assert.is((await stat(home)).mode & 0o7777, 0o2750)
})

it('a folder without the set-group-id bit gives its group as well', async (context) => {
  const { box, world, folder, home } = context
  await chmod(folder, 0o750)
  assert.is((await share(box, world, 'apply')).exit, 0)
  assert.is((await stat(join(home, `${file('1.0.0')}.qcow2`))).gid, (await stat(folder)).gid)
})

it('the channel moves: the version before stays, the one before that goes', async (context) => {
  const { box, world, who, home } = context
  await share(box, world, 'apply')
  await promoteNext(context, 'r-2', '1.0.1')
  assert.match(
    (await share(box, world, 'plan')).text,
    /stable 1\.0\.1 {2}gets the image; stable moves from 1\.0\.0/,
  )
  assert.is((await share(box, world, 'apply')).exit, 0)
  const two = await readIndex(home)
  assert.equal(two.channels, { stable: { 'qemu-x86_64': '1.0.1' } })
  assert.equal(
    two.releases.map((item: { version: string; channels: string[] }) => [item.version, item.channels]),
    [
      ['1.0.1', ['stable']],
      ['1.0.0', []],
    ],
  )
  await promoteNext(context, 'r-3', '1.0.2')
  assert.is((await share(box, world, 'apply')).exit, 0)
  assert.equal(
    (await readdir(home)).filter((name) => /^\d/.test(name)),
    ['1.0.1', '1.0.2'],
  )
  assert.ok(await sumsHold(context))
  assert.equal(await shareEvents(world), [
    `granted stable 1.0.0 ${who}`,
    `granted stable 1.0.1 ${who}`,
    `granted stable 1.0.2 ${who}`,
    `revoked stable 1.0.0 ${who}`,
  ])
})

it('un-sharing needs the plan that a person saw; a plan of before is refused', async (context) => {
  const { box, world, who, home } = context
  await share(box, world, 'apply')
  await nameThem(world, {})
  const unseen = await share(box, world, 'apply')
  assert.is(unseen.exit, 6)
  assert.match(unseen.text, /nothing was done: somebody loses the image/)
  assert.ok((await readdir(home)).includes('1.0.0'))
  const { text, data } = await share(box, world, 'plan')
  assert.match(
    text,
    /^- {2}folder:.*no longer named: loses the image; .* copies that were made can't be taken back$/m,
  )
  const [, command] = /^→ (.*)$/m.exec(text) ?? []
  assert.is(command, `./mintmark share apply debian-13 --plan ${data.plan.slice(0, 12)}`)
  const other = await refusal(share(box, world, 'apply', { plan: '0123456789ab' }))
  assert.is(other.code, 'CONFLICT')
  assert.match(other.lines.join('\n'), /loses the image/)
  // The world moves between plan and apply.
  await nameThem(world, { nightly: [`folder:${context.folder}`] })
  assert.is((await refusal(share(box, world, 'apply', { plan: data.plan }))).code, 'CONFLICT')
  await nameThem(world, {})
  const applied = await share(box, world, 'apply', { plan: data.plan })
  assert.is(applied.exit, 0, applied.text)
  assert.match(applied.text, /✓ taken from/)
  assert.equal((await readdir(home)).sort(), ['.lock', 'SHA256SUMS', 'index.json', 'index.json.dsse.json'])
  assert.equal((await readIndex(home)).releases, [])
  assert.is(await readFile(join(home, 'SHA256SUMS'), 'utf8'), '')
  assert.equal(await shareEvents(world), [`granted stable 1.0.0 ${who}`, `revoked stable 1.0.0 ${who}`])
  assert.match((await share(box, world, 'plan')).text, /nobody is named, and nobody has it/)
})

it('two channels for one principal: taking one away leaves the image for the other', async (context) => {
  const { box, world, who, home } = context
  await nameThem(world, { nightly: [who], stable: [who] })
  await share(box, world, 'apply')
  assert.equal((await readIndex(home)).channels, {
    nightly: { 'qemu-x86_64': '1.0.0' },
    stable: { 'qemu-x86_64': '1.0.0' },
  })
  await nameThem(world, { nightly: [who] })
  const { data } = await share(box, world, 'plan')
  assert.is((await share(box, world, 'apply', { plan: data.plan })).exit, 0)
  assert.equal((await readIndex(home)).channels, { nightly: { 'qemu-x86_64': '1.0.0' } })
  assert.ok(await sumsHold(context))
  assert.is((await share(box, world, 'plan', { detailedExitcode: true })).exit, 0)
})

it('stopped between the copy and its event: the next apply tells it once', async (context) => {
  const { box, world, who } = context
  try {
    await share(box, killedBeforeEvents(world), 'apply')
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as Error).message, 'killed')
  }
  assert.equal(await shareEvents(world), [])
  assert.match((await share(box, world, 'plan')).text, /has the image/)
  await share(box, world, 'apply')
  await share(box, world, 'apply')
  assert.equal(await shareEvents(world), [`granted stable 1.0.0 ${who}`])
})

it('stopped half-way through the copy: nothing is seen of it, and the next apply removes it', async (context) => {
  const { box, world, home } = context
  await mkdir(join(home, '1.0.0'), { recursive: true })
  // A process with our number that began at another time: it is over.
  const left = join(home, '1.0.0', `.${processTag().replace(/-[0-9a-z]+$/, '-1')}.1a2b3c4d.tmp`)
  await writeFile(left, 'half')
  await share(box, world, 'apply')
  assert.ok(await sumsHold(context))
  assert.equal((await readIndex(home)).releases.length, 1)
  assert.is((await readdir(join(home, '1.0.0'))).length, 3)
})

it('what was changed there is neither given nor taken away', async (context) => {
  const { box, world, home } = context
  await share(box, world, 'apply')
  const path = join(home, `${file('1.0.0')}.qcow2`)
  await writeFile(path, 'image of r-X')
  const { text } = await share(box, world, 'plan')
  assert.match(text, /^! .*has sha256:[0-9a-f]+, the release has sha256:/m)
  const applied = await share(box, world, 'apply')
  assert.is(applied.exit, 10)
  assert.is(await readFile(path, 'utf8'), 'image of r-X')
})

it('what is gone there is given again, without another event', async (context) => {
  const { box, world, home } = context
  await share(box, world, 'apply')
  await rm(home, { recursive: true })
  assert.match(
    (await share(box, world, 'plan')).text,
    /gets the image; stable is new there; what was shared is mended/,
  )
  assert.is((await share(box, world, 'apply')).exit, 0)
  assert.ok(await sumsHold(context))
  assert.is((await shareEvents(world)).length, 1)
})

it('who follows the index meets whole files only, while versions come and go', async (context) => {
  const { box, world, home } = context
  await share(box, world, 'apply')
  let stop = false
  let looks = 0
  const follow = async (): Promise<void> => {
    while (!stop) {
      const index = await readIndex(home)
      const version = index.channels.stable['qemu-x86_64']
      const release = index.releases.find((item: { version: string }) => item.version === version)
      assert.is(sha256(await readFile(join(home, release.file))), release.sha256)
      looks += 1
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const following = follow()
  for (const [runId, version] of [
    ['r-2', '1.0.1'],
    ['r-3', '1.0.2'],
    ['r-4', '1.0.3'],
  ] as const) {
    await promoteNext(context, runId, version)
    assert.is((await share(box, world, 'apply')).exit, 0)
  }
  stop = true
  await following
  assert.ok(looks > 10, String(looks))
})

it.run()
