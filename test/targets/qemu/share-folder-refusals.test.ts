import { chmod, chown, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as shareVerb } from '../../../pipeline/cli/verbs/share.ts'
import { canonicalJson, sha256 } from '../../../pipeline/core/digest.ts'
import { refusal } from '../../helpers/refusal.ts'
import {
  type FolderBox,
  folderBox,
  group,
  isRoot,
  nameThem,
  released,
  share,
  trustOwnKey,
} from '../../helpers/share-fixture.ts'

const it = suite<FolderBox>('share: folder refusals')

it.before.each(async (context) => void Object.assign(context, await folderBox()))
it.after.each((context) => context.box.close())

it('folders that others could change, or that are none, are refused, and the others are served', async (context) => {
  const { box, world, folder } = context
  const bad = async (name: string, make: (path: string) => Promise<unknown>): Promise<string> => {
    const path = join(box.folder, name)
    await make(path)
    return `folder:${path}`
  }
  const made = (mode: number) => async (path: string) => {
    await mkdir(path)
    await chmod(path, mode)
  }
  const named = [
    await bad('missing', async () => undefined),
    await bad('file', (path) => writeFile(path, '')),
    await bad('link', (path) => symlink(folder, path)),
    await bad('world', made(0o757)),
    await bad('group', made(0o770)),
    ...(isRoot
      ? [
          await bad('foreign', async (path) => {
            await made(0o750)(path)
            await chown(path, 65534, group)
          }),
          await bad('nameless', async (path) => {
            await made(0o750)(path)
            await chown(path, 0, 54321)
          }),
        ]
      : []),
  ]
  await nameThem(world, { stable: [`folder:${folder}`, ...named] })
  const { text, exit } = await share(box, world, 'apply')
  assert.is(exit, 10)
  assert.match(text, /✓ given to/)
  assert.match(text, /there is no folder .*\/missing on this machine\n {4}→ .*install -d -m 2750 -g GROUP/)
  assert.match(text, /\/file is a file, no folder/)
  assert.match(text, /\/link is a link, no folder/)
  assert.match(text, /\/world can be written to by everybody\n {4}→ chmod g-w,o-w/)
  assert.match(text, /\/group can be written to by its group/)
  if (isRoot) {
    assert.match(text, /\/foreign belongs to the user 65534/)
    assert.match(text, /the group 54321 of .*\/nameless is not known/)
  }
  assert.match(text, /what is left is done by: \.\/mintmark share apply debian-13$/)
})

it('what lies in the folder and is not ours: nothing is written through it', async (context) => {
  const { box, world, folder, home } = context
  const victim = join(box.folder, 'victim')
  await writeFile(victim, 'precious')
  await mkdir(home)
  await symlink(victim, join(home, '.lock'))
  const link = await share(box, world, 'apply')
  assert.is(link.exit, 4, link.text)
  assert.match(link.text, /\.lock is a link, no file\n {4}→ look at it, then: rm /)
  assert.is(await readFile(victim, 'utf8'), 'precious')
  await rm(join(home, '.lock'))
  await mkdir(join(home, '1.0.0'))
  await chmod(join(home, '1.0.0'), 0o777)
  assert.match((await share(box, world, 'apply')).text, /\/1\.0\.0 can be written to by everybody/)
  await chmod(join(home, '1.0.0'), 0o750)
  if (isRoot) {
    await chown(home, 65534, group)
    assert.match(
      (await share(box, world, 'apply')).text,
      /debian-13 belongs to the user 65534.*\n {4}→ .*chown -R "\$\(id -u\)"/,
    )
    await chown(home, 0, group)
  }
  assert.is((await share(box, world, 'apply')).exit, 0)
  const around = join(box.folder, 'around')
  await mkdir(join(around, 'golden'), { recursive: true, mode: 0o750 })
  await chmod(around, 0o777)
  await nameThem(world, { stable: [`folder:${folder}`, `folder:${around}/golden`] })
  assert.match((await share(box, world, 'apply')).text, /\/around can be written to by everybody/)
  assert.equal(await readdir(join(around, 'golden')), [])
})

it("a pointer that was moved by hand gives nobody what it names: the channel's history counts", async (context) => {
  const { box, world, home } = context
  await released(world, 'r-2')
  const at = (channel: string): string => `channels/debian-13/${channel}/qemu-x86_64.json`
  const nightly = JSON.parse((await world.catalog.read(at('nightly')))?.value ?? '')
  assert.is(nightly.version, '1.0.1')
  const stable = await world.catalog.read(at('stable'))
  const moved = canonicalJson({ ...nightly, channel: 'stable' })
  assert.ok(await world.catalog.compareAndSwap(at('stable'), stable?.etag ?? null, moved))
  const { text } = await share(box, world, 'apply')
  assert.match(text, /✓ given to .*stable 1\.0\.0/)
  assert.not.match(text, /given to .*1\.0\.1/)
  assert.not.ok((await readdir(home).catch((): string[] => [])).includes('1.0.1'))
})

it('a release whose history is broken is given to nobody new', async (context) => {
  const { box, world, who } = context
  await share(box, world, 'apply')
  const events = 'releases/debian-13/1.0.0/qemu-x86_64/events'
  await rm(join(world.places.catalog, events, '000001.dsse.json'))
  const other = join(box.folder, 'other')
  await mkdir(other, { mode: 0o750 })
  await nameThem(world, { stable: [who, `folder:${other}`] })
  const { exit, text } = await share(box, world, 'apply')
  assert.is(exit, 10)
  assert.match(text, /^! .*other +stable +the (?:events|record) of debian-13@1\.0\.0 can't be trusted/m)
  assert.equal(await readdir(other), [])
})

it('a full disk: told before anything is copied', async (context) => {
  const { box, world, home } = context
  const full = { ...world, files: { ...world.files, freeBytes: async () => 1000 } }
  const { exit, text } = await share(box, full, 'apply')
  assert.is(exit, 4)
  assert.match(text, /has 1 kB free, debian-13@1\.0\.0 takes/)
  assert.equal(await readdir(home), ['.lock'])
  assert.is((await share(box, world, 'apply')).exit, 0)
})

it('unanchored, damaged, missing: what may not be given to others', async (context) => {
  const { box, world, who } = context
  const trust = join(world.places.root, 'scans/policies/trust.yaml')
  await nameThem(world, { nightly: [who], stable: [who] })
  await rm(trust)
  const unanchored = await share(box, world, 'apply')
  assert.is(unanchored.exit, 10)
  assert.match(unanchored.text, /✓ given to .*nightly 1\.0\.0/)
  assert.match(unanchored.text, /stable +debian-13@1\.0\.0 is unanchored/)
  await trustOwnKey(world)
  await rm(world.catalog.blobPath(sha256('image of r-1')) ?? '')
  await nameThem(world, { stable: [`folder:${box.folder}/other`] })
  await mkdir(join(box.folder, 'other'), { mode: 0o750 })
  const { data } = await share(box, world, 'plan')
  const missing = await share(box, world, 'apply', { plan: data.plan })
  assert.is(missing.exit, 10)
  assert.match(missing.text, /the image of debian-13@1\.0\.0 is no longer in the catalog/)
  assert.equal(await readdir(join(box.folder, 'other/debian-13')), ['.lock'])
})

it('an image or a channel that is not there; a definition that is gone takes all back', async (context) => {
  const { box, world, who } = context
  await share(box, world, 'apply')
  const channel = await refusal(share(box, world, 'plan', { channel: 'stabel' }))
  assert.is(channel.code, 'NOT_FOUND')
  assert.match(channel.hint, /did you mean stable/)
  await nameThem(world, { stable: [who], edge: [who] })
  const empty = await share(box, world, 'plan', { channel: 'edge' })
  assert.is(empty.exit, 0)
  assert.match(empty.text, /edge has no qemu-x86_64 release yet: nothing to share with folder:/)
  await rm(join(world.places.root, 'images/debian-13.yaml'))
  const gone = await share(box, world, 'plan')
  assert.match(gone.text, /images\/debian-13\.yaml is gone: nobody is named any more/)
  assert.match(gone.text, /^- {2}folder:.*loses the image/m)
  await rm(world.places.catalog, { recursive: true })
  assert.is((await refusal(share(box, world, 'plan'))).code, 'NOT_FOUND')
})

it('wrong words: what was meant, and how it is typed', async ({ world }) => {
  const asked = (args: readonly string[], options: Readonly<Record<string, string>> = {}) =>
    refusal(shareVerb({ world, args, options }))
  const word = await asked(['aply', 'debian-13'])
  assert.is(word.message, 'share has no "aply"')
  assert.is(word.hint, './mintmark share apply debian-13')
  assert.is((await asked(['plan'])).message, 'share plan needs an image')
  assert.match(
    (await asked(['apply', 'debian-13'], { plan: 'yes' })).message,
    /^--plan is "yes": expected the digest/,
  )
  assert.is((await asked(['plan', 'debian-13'], { plan: '0123456789ab' })).code, 'USAGE')
  assert.is((await asked(['apply', 'debian-13'], { by: '\n' })).code, 'USAGE')
  const unknown = await asked(['plan', 'debian-31'])
  assert.is(unknown.code, 'NOT_FOUND')
  assert.match(unknown.hint, /did you mean debian-13/)
})

it('on a terminal it asks before it takes anything away', async ({ box, world }) => {
  await share(box, world, 'apply')
  await nameThem(world, {})
  const at = (answer: boolean) => ({
    ...world,
    report: { ...world.report, interactive: true, confirm: async () => answer },
  })
  const no = await share(box, at(false), 'apply')
  assert.is(no.exit, 6)
  assert.ok(box.told.lines.some((line) => line.includes('loses the image')))
  const yes = await share(box, at(true), 'apply')
  assert.is(yes.exit, 0, yes.text)
  assert.match(yes.text, /✓ taken from/)
})

it('for a pull request: a table', async ({ box, world, who }) => {
  const { text } = await share(box, world, 'plan', { markdown: true })
  assert.match(text, /^### Sharing of debian-13$/m)
  assert.ok(
    text.includes(`| \`+\` | \`${who}\` | stable 1.0.0 | gets the image; stable is new there |`),
    text,
  )
})

it.run()
