import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as reviewVerb } from '../../../pipeline/cli/verbs/review.ts'
import { run as shareVerb } from '../../../pipeline/cli/verbs/share.ts'
import type { CiJob } from '../../../pipeline/ports/ci-job.ts'
import { refusal } from '../../helpers/refusal.ts'
import { type FolderBox, folderBox } from '../../helpers/share-fixture.ts'
import { textOf } from '../../helpers/sources.ts'

interface Context extends FolderBox {
  /** What a request brings. */
  request: string
}

const it = suite<Context>('review')

it.before.each(async (context) => {
  Object.assign(context, await folderBox())
  context.request = join(context.box.folder, 'request/images')
  await mkdir(context.request, { recursive: true })
})
it.after.each(({ box }) => box.close())

interface Told {
  readonly exit: number
  readonly text: string
  readonly matrix: { readonly include: readonly { readonly image: string; readonly plan: string }[] }
  readonly outputs: Readonly<Record<string, string>>
  readonly page: string
  readonly errors: readonly string[]
}

async function reviewed(
  { world, box }: Context,
  args: readonly string[],
  options: Readonly<Record<string, boolean>> = {},
): Promise<Told> {
  let outputs: Readonly<Record<string, string>> = {}
  let page = ''
  const errors: string[] = []
  const job: CiJob = {
    run: 'gh-1-1',
    ephemeral: false,
    error: (title, text) => void errors.push(`${title}: ${text}`),
    output: async (values) => {
      outputs = { ...outputs, ...values }
    },
    summary: async (text) => {
      page += text
    },
  }
  box.told.results.length = 0
  const env = { ...world.env, MINTMARK_CATALOG: world.places.catalog }
  const exit = (await reviewVerb({ world: { ...world, env, job }, args, options })) ?? 0
  const [result] = box.told.results
  if (result === undefined) throw new Error('it said nothing')
  const { matrix } = result.data as Pick<Told, 'matrix'>
  return { exit, text: result.text, matrix, outputs, page, errors }
}

const own = (world: Context['world']): string => join(world.places.root, 'images/debian-13.yaml')

it('our own: an entry for each image with something to do, by the digest of its plan', async (context) => {
  const { world, box, who } = context
  const { exit, text, matrix, outputs, page } = await reviewed(context, [''])
  assert.is(exit, 0)
  assert.equal(outputs, { matrix: JSON.stringify(matrix), jobs: '1' })
  assert.match(text, new RegExp(`\\+ +${who}`))
  assert.match(page, /### Sharing of debian-13/)
  box.told.results.length = 0
  await shareVerb({ world, args: ['plan', 'debian-13'], options: {} })
  const seen = box.told.results[0]?.data as { readonly plan: string }
  assert.equal(matrix.include, [{ image: 'debian-13', plan: seen.plan }])
  // What was seen is what is done.
  assert.is(await shareVerb({ world, args: ['apply', 'debian-13'], options: { plan: seen.plan } }), 0)
  const after = await reviewed(context, [])
  assert.equal(after.outputs, { matrix: '{"include":[]}', jobs: '0' })
  assert.match(after.page, /nobody gets or loses an image/)
})

it('a request: what would be taken away, while nothing changes and ours stays what it is', async (context) => {
  const { world, request, who } = context
  await shareVerb({ world, args: ['apply', 'debian-13'], options: {} })
  const text = await world.files.readText(own(world))
  await writeFile(join(request, 'debian-13.yaml'), text.replace(`"${who}"`, ''))
  const told = await reviewed(context, [request])
  assert.is(told.exit, 0)
  assert.match(told.text, new RegExp(`- +${who}`))
  assert.is(told.matrix.include.length, 1)
  // A definition that goes away takes with it all that it shared.
  await world.files.remove(join(request, 'debian-13.yaml'))
  assert.match((await reviewed(context, [request])).text, new RegExp(`- +${who}`))
  assert.is((await reviewed(context, [])).outputs['jobs'], '0')
})

it('a wrong definition is told with its place, and hides no other', async (context) => {
  const { request } = context
  const plain = textOf('images/debian-13.yaml')
  await writeFile(join(request, 'web.yaml'), plain.replace('release: "13"', 'release: thirteen'))
  await writeFile(join(request, 'debian-13.yaml'), plain)
  const told = await reviewed(context, [request], { schema: true })
  assert.is(told.exit, 3)
  assert.match(
    told.text,
    /^✓ debian-13\n✗ web {2}images\/web\.yaml has 1 problem\n {4}images\/web\.yaml:\d+:\d+ /,
  )
  assert.match(told.page, /#### web is not accepted/)
  assert.match(told.errors.join(), /^review web: images\/web\.yaml has 1 problem\nimages\/web\.yaml:\d+:\d+/)
})

it('a request shows no file of ours: no link is followed', async (context) => {
  const { request, box } = context
  const secret = join(box.folder, 'secret')
  await writeFile(secret, 'password: swordfish\n')
  await symlink(secret, join(request, 'web.yaml'))
  const told = await reviewed(context, [request], { schema: true })
  assert.is(told.exit, 3)
  assert.match(told.text, 'images/web.yaml is a link, and no plain file')
  assert.not.match(JSON.stringify(told), /swordfish/)
  const linked = join(box.folder, 'linked')
  await symlink(request, linked)
  assert.is((await refusal(reviewed(context, [linked]))).code, 'USAGE')
  await writeFile(join(request, 'big.yaml'), `# ${'x'.repeat(300_000)}\n`)
  assert.match((await reviewed(context, [request], { schema: true })).text, /big\.yaml has 3\d+ bytes/)
})

it('a name is no order to a runner, nor a line of its own', async (context) => {
  const { request } = context
  await writeFile(join(request, 'a\n::add-mask::b.yaml'), textOf('images/debian-13.yaml'))
  const told = await reviewed(context, [request], { schema: true })
  assert.is(told.exit, 3)
  assert.not.match(`${told.text}\n${told.page}`, /^\s*::/m)
})

it('only the schema: nobody is asked', async (context) => {
  const { world, box } = context
  const catalog = {
    ...world.catalog,
    list: async (): Promise<readonly string[]> => {
      throw new Error('the catalog was asked')
    },
  }
  const told = await reviewed({ ...context, world: { ...world, catalog } }, [], { schema: true })
  assert.is(told.exit, 0, box.told.lines.join('\n'))
})

it('what each renders to is told by its digest, and what it is made of has to be there', async (context) => {
  const { world, box } = context
  const told = await reviewed(context, [], { schema: true, render: true })
  assert.is(told.exit, 0, box.told.lines.join('\n'))
  const [result] = box.told.results
  assert.ok(result)
  const { images } = result.data as {
    readonly images: readonly {
      readonly image: string
      readonly bundles: Readonly<Record<string, string>>
    }[]
  }
  assert.match(images.find(({ image }) => image === 'debian-13')?.bundles['qemu'] ?? '', /^[0-9a-f]{64}$/)
  const text = textOf('images/debian-13.yaml')
  const broken = text.replace(
    'exceptions: []',
    'exceptions: [{control: ssh-no-such, reason: for the test, owner: team-platform, expires: 2027-01-01}]',
  )
  await writeFile(own(world), broken)
  const wrong = await reviewed(context, [], { schema: true, render: true })
  await writeFile(own(world), text)
  assert.is(wrong.exit, 3)
  assert.match(wrong.text, 'has an exception for ssh-no-such')
})

it('what is right and worth a word is told: no trust, a policy of our own', async (context) => {
  const { world, box, request } = context
  const policy = "policy default is this repository's own, not mintmark's"
  const trust = 'scans/policies/trust.yaml is missing: nothing goes beyond nightly'
  const noted = async (at: Context['world']): Promise<readonly string[]> => {
    box.told.lines.length = 0
    assert.is((await reviewed({ ...context, world: at }, [], { schema: true })).exit, 0)
    return box.told.lines.filter((line) => line === policy || line === trust)
  }
  await world.files.remove(join(world.places.root, 'scans/policies/trust.yaml'))
  assert.equal(await noted(world), [trust, policy])
  await world.files.write(
    join(world.places.root, 'scans/policies/ours.yaml'),
    textOf('scans/policies/strict.yaml'),
  )
  await world.files.write(join(world.places.root, 'scans/policies/trust.yaml'), 'schema: 1\nkeys: []\n')
  assert.equal(await noted(world), [policy])
  const { root } = world.places
  assert.equal(await noted({ ...world, places: { ...world.places, installation: root } }), [])
  assert.is((await reviewed(context, [request], { schema: true })).exit, 0)
})

it('no definition at all is the wrong folder; a configuration for scanners is refused', async (context) => {
  const { world } = context
  const { root } = world.places
  await world.files.write(join(root, 'scans/secret-rules.yaml'), 'rules: []\n')
  const refused = await refusal(reviewed(context, [], { schema: true }))
  assert.is(refused.code, 'CONFIG_INVALID')
  assert.match(refused.message, "scans/secret-rules.yaml is mintmark's own")
  await world.files.remove(join(root, 'scans/secret-rules.yaml'))
  await world.files.remove(join(root, 'images'))
  const none = await refusal(reviewed(context, [], { schema: true }))
  assert.is(none.code, 'NOT_FOUND')
  assert.is(none.message, `there is no definition in ${join(root, 'images')}`)
})

it('what can not be given is not green', async (context) => {
  const { request, box } = context
  const named = `channels: {"stable":{"share":{"qemu":["folder:${box.folder}/nowhere"]}}}`
  const text = textOf('images/debian-13.yaml').replace(/^channels: .*$/m, named)
  await writeFile(join(request, 'debian-13.yaml'), text)
  const told = await reviewed(context, [request])
  assert.is(told.exit, 10)
  assert.match(told.text, /^! debian-13/m)
})

it.run()
