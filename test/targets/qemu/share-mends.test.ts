import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as verifyVerb } from '../../../pipeline/cli/verbs/verify.ts'
import { checkCatalog } from '../../../pipeline/stages/catalog-check.ts'
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

const it = suite<FolderBox>('share: what is mended')

it.before.each(async (context) => void Object.assign(context, await folderBox()))
it.after.each((context) => context.box.close())

const base = '1.0.0/debian-13-1.0.0-qemu-x86_64'
const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o7777).toString(8)
const channelsOf = async (home: string) =>
  JSON.parse(await readFile(join(home, 'index.json'), 'utf8')).channels

it('whatever was opened, changed or removed there is as it was after the next apply, without another event', async (context) => {
  const { box, world, home } = context
  await share(box, world, 'apply')
  const disk = join(home, `${base}.qcow2`)
  const text = (name: string): Promise<string> => readFile(join(home, name), 'utf8')
  const sums = await text('SHA256SUMS')
  const record = await text(`${base}.dsse.json`)
  const spoiled: Readonly<Record<string, () => Promise<unknown>>> = {
    'the image may be read by all': () => chmod(disk, 0o644),
    'the group can not read the image': () => chmod(disk, 0o600),
    'the record may be read by all': () => chmod(join(home, `${base}.dsse.json`), 0o644),
    'the home may be entered by all': () => chmod(home, 0o2755),
    'the folder of the version may be entered by all': () => chmod(join(home, '1.0.0'), 0o755),
    'no sums': () => rm(join(home, 'SHA256SUMS')),
    'other sums': () => writeFile(join(home, 'SHA256SUMS'), ''),
    'no record': () => rm(join(home, `${base}.dsse.json`)),
    'no metadata': () => rm(join(home, `${base}-incus.tar`)),
    'no signed index': () => rm(join(home, 'index.json.dsse.json')),
  }
  for (const [what, spoil] of Object.entries(spoiled)) {
    await spoil()
    assert.match((await share(box, world, 'plan')).text, /^\+ .*what was shared is mended$/m, what)
    const { exit, text: told } = await share(box, world, 'apply')
    assert.is(exit, 0, `${what}: ${told}`)
    assert.match((await share(box, world, 'plan')).text, /nothing to do/, what)
    assert.is(await modeOf(disk), '640', what)
    assert.is(await modeOf(home), '2750', what)
    assert.is(await modeOf(join(home, '1.0.0')), '2750', what)
    assert.is(await text('SHA256SUMS'), sums, what)
    assert.is(await text(`${base}.dsse.json`), record, what)
  }
  assert.is((await shareEvents(world)).length, 1)
})

it("an index whose signature is nobody's is written anew", async (context) => {
  const { box, world, home } = context
  await share(box, world, 'apply')
  const path = join(home, 'index.json.dsse.json')
  const envelope = JSON.parse(await readFile(path, 'utf8'))
  const stranger = await testWorld()
  try {
    const bytes = Buffer.from('another text')
    const forged = { ...envelope, signatures: [await stranger.world.keys.sign(bytes)] }
    await writeFile(path, JSON.stringify(forged))
  } finally {
    await stranger.close()
  }
  assert.is((await share(box, world, 'apply')).exit, 0)
  const { signatures } = JSON.parse(await readFile(path, 'utf8'))
  assert.is(signatures[0].keyid, (await world.keys.existing())?.keyid)
  assert.match((await share(box, world, 'plan')).text, /nothing to do/)
})

it('who has the folder verifies the index, with the files that it names', async (context) => {
  const { box, world, home } = context
  await share(box, world, 'apply')
  const elsewhere = await testWorld()
  try {
    const verified = async (pem: string) => {
      elsewhere.told.results.length = 0
      const trust = join(elsewhere.folder, 'key.pem')
      await writeFile(trust, pem)
      const args = [join(home, 'index.json.dsse.json')]
      const exit = await verifyVerb({ world: elsewhere.world, args, options: { trust } })
      return { exit, text: elsewhere.told.results[0]?.text ?? '' }
    }
    const { pem } = await publicKeyOf(world.keys)
    const right = await verified(pem)
    assert.is(right.exit, 0, right.text)
    assert.match(right.text, /✓ {2}artifact +1\.0\.0\/debian-13-1\.0\.0-qemu-x86_64\.qcow2 has sha256:/)
    assert.match((await verified((await publicKeyOf(elsewhere.world.keys)).pem)).text, /✗ {2}signature/)
    await writeFile(join(home, `${base}.qcow2`), 'another image')
    assert.match((await verified(pem)).text, /✗ {2}artifact/)
    await writeFile(join(home, 'index.json'), '{}')
    assert.match((await verified(pem)).text, /✗ {2}subject +index\.json beside it says something else/)
  } finally {
    await elsewhere.close()
  }
})

it('stopped between signed index and index: no other channel is lost', async (context) => {
  const { box, world, who, home } = context
  await nameThem(world, { nightly: [who], stable: [who] })
  await share(box, world, 'apply')
  await released(world, 'r-2')
  const killed = {
    ...world,
    files: {
      ...world.files,
      write: async (...[path, content, options]: Parameters<typeof world.files.write>) => {
        if (path.endsWith('/index.json')) throw new Error('killed')
        await world.files.write(path, content, options)
      },
    },
  }
  await share(box, killed, 'apply').then(
    () => assert.unreachable(),
    (cause: Error) => assert.is(cause.message, 'killed'),
  )
  assert.is((await share(box, world, 'apply', { channel: 'nightly' })).exit, 0)
  assert.equal(await channelsOf(home), {
    nightly: { 'qemu-x86_64': '1.0.1' },
    stable: { 'qemu-x86_64': '1.0.0' },
  })
})

it('stopped before the event, and then no longer named: it is found and taken back', async (context) => {
  const { box, world, who, home } = context
  await share(box, killedBeforeEvents(world), 'apply').catch(() => undefined)
  assert.equal(await shareEvents(world), [])
  await nameThem(world, {})
  const { text, data } = await share(box, world, 'plan')
  assert.match(text, /^- {2}folder:.* stable 1\.0\.0 +no longer named: loses the image/m)
  assert.is((await share(box, world, 'apply')).exit, 6)
  const { exit, text: told } = await share(box, world, 'apply', { plan: data.plan })
  assert.is(exit, 0, told)
  assert.equal(await channelsOf(home), {})
  assert.is(await world.files.info(join(home, `${base}.qcow2`)), null)
  assert.equal(await shareEvents(world), [`revoked stable 1.0.0 ${who}`])
  // Nobody is looked at for ever.
  assert.match((await share(box, world, 'plan')).text, /nobody is named, and nobody has it/)
  assert.equal((await checkCatalog(world, () => undefined)).problems, [])
})

it('a key of what is shared that was spoiled is told, and hides nobody', async ({ box, world }) => {
  await share(box, world, 'apply')
  const [key = ''] = await world.catalog.list('shares/debian-13/')
  const entry = await world.catalog.read(key)
  await world.catalog.compareAndSwap(key, entry?.etag ?? null, '{}')
  assert.match((await share(box, world, 'plan')).text, /shares\/.* is no list of what is shared/)
  const { problems } = await checkCatalog(world, () => undefined)
  assert.equal(problems, [{ key, text: 'it is no list of what is shared with somebody' }])
})

it('two applies at once: one after the other, and each image and event once', async (context) => {
  const { box, world, who, home } = context
  const other = await testWorld()
  try {
    const exits = await Promise.all([
      share(box, world, 'apply'),
      share(other, { ...world, report: other.world.report }, 'apply'),
    ])
    assert.equal(
      exits.map(({ exit }) => exit),
      [0, 0],
    )
  } finally {
    await other.close()
  }
  assert.equal(await shareEvents(world), [`granted stable 1.0.0 ${who}`])
  assert.equal(await channelsOf(home), { stable: { 'qemu-x86_64': '1.0.0' } })
})

it('the channel there was moved by another machine since it was looked at: told, and not moved back', async (context) => {
  const { box, world, home } = context
  await share(box, world, 'apply')
  await released(world, 'r-2')
  await pointTo(world, 'stable', '1.0.1')
  await released(world, 'r-3')
  const later = {
    ...world,
    withLock: async (...[path, waitMs, work]: Parameters<typeof world.withLock>) => {
      if (!path.endsWith('/.lock')) return work(async () => undefined)
      const index = join(home, 'index.json')
      await writeFile(index, (await readFile(index, 'utf8')).replaceAll('"1.0.0"', '"1.0.2"'))
      return world.withLock(path, waitMs, work)
    },
  } as typeof world
  const { exit, text } = await share(box, later, 'apply')
  assert.is.not(exit, 0)
  assert.match(text, /stable of .* is 1\.0\.2 by now, it was 1\.0\.0 when it was looked at/)
})

it('on a terminal: what changed while a person thought is not done', async (context) => {
  const { box, world, folder } = context
  await share(box, world, 'apply')
  await nameThem(world, {})
  const confirm = async (): Promise<boolean> => {
    await nameThem(world, { nightly: [`folder:${folder}`] })
    return true
  }
  const asked = { ...world, report: { ...world.report, interactive: true, confirm } }
  assert.is((await refusal(share(box, asked, 'apply'))).code, 'CONFLICT')
})

it.run()
