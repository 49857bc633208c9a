import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from '../../../pipeline/cli/parse.ts'
import { run } from '../../../pipeline/cli/verbs/init.ts'
import type { MintmarkError } from '../../../pipeline/errors.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { loadDefinition } from '../../../pipeline/stages/load-definition.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

const init = suite<{ test: TestWorld; world: World }>('init')

init.before.each(async (context) => {
  const test = await testWorld()
  const { world, folder } = test
  await world.files.write(join(folder, 'hardening/profiles/baseline.yaml'), '')
  await world.files.write(join(folder, 'images/corp-base.yaml'), '')
  context.test = test
  context.world = { ...world, places: { ...world.places, root: folder } }
})
init.after.each(({ test }) => test.close())

async function start(world: World, line: string): Promise<void> {
  const parsed = await parse(['init', ...line.split(' ').filter((item) => item !== '')])
  if (parsed.kind === 'verb') await run({ world, args: parsed.args, options: parsed.options })
}

async function refusal(world: World, line: string): Promise<MintmarkError> {
  try {
    await start(world, line)
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'USAGE')
    return cause as MintmarkError
  }
  throw new Error('it was accepted')
}

init('writes what the flags say, and names the next commands', async ({ test, world }) => {
  await start(
    world,
    'web --package nginx --package chrony --port 443 --port 80 --base corp-base@stable --size 8G',
  )
  const { content, base, disk } = await loadDefinition(world, 'web')
  assert.equal(content.packages.add, ['nginx', 'chrony'])
  assert.equal(content.ports, [22, 443, 80])
  assert.equal(base, { image: 'corp-base', channel: 'stable', maxAge: '90d' })
  assert.is(disk.size, '8G')
  const [result] = test.told.results
  assert.match(result?.text ?? '', './mintmark base update web\n  ./mintmark release web')
  const { next } = (result?.data ?? {}) as { readonly next?: unknown }
  assert.equal(next, ['./mintmark base update web', './mintmark release web'])
})

init('never overwrites', async ({ world, test }) => {
  await start(world, 'web')
  const before = await world.files.readText(join(test.folder, 'images/web.yaml'))
  const error = await refusal(world, 'web --port 443')
  assert.match(error.message, 'images/web.yaml is there already')
  assert.is(await world.files.readText(join(test.folder, 'images/web.yaml')), before)
})

init('all wrong answers are told at once, by their flags', async ({ world }) => {
  const { lines } = await refusal(
    world,
    'Web --owner bob --port x --package -o --size 1G --os debian-14 --base me@',
  )
  assert.equal(
    lines.map((line) => line.split(' ')[0]),
    ['name', '--os', '--base', '--owner', '--package', '--port', '--size'],
  )
})

init('profiles, images and teams that are not there are refused', async ({ world, test }) => {
  await world.files.write(join(test.folder, 'mintmark.yaml'), 'schema: 1\nteams: [team-web]\n')
  const { lines } = await refusal(world, 'web --profile basline --base corp-bse@stable --owner team-wbe')
  assert.equal(lines, [
    '--profile is "basline": did you mean baseline?',
    '--base is "corp-bse": did you mean corp-base?',
    '--owner is "team-wbe": did you mean team-web?',
  ])
  await start(world, 'web')
  assert.is((await loadDefinition(world, 'web')).owner, 'team-web')
})

init('without a name and without a terminal it says how to call it', async ({ world }) => {
  const error = await refusal(world, '')
  assert.match(error.hint, './mintmark init web')
})

init('on a terminal it asks, and an empty line takes the default', async ({ world }) => {
  const asked: string[] = []
  const replies = ['web', '', '', 'team-web', 'nginx, chrony', '443', '', 'cis', '']
  const report = {
    ...world.report,
    interactive: true,
    ask: async (question: string) => {
      asked.push(question)
      return replies[asked.length - 1] ?? null
    },
  }
  await start({ ...world, report }, '')
  assert.is(asked.length, replies.length)
  const definition = await loadDefinition(world, 'web')
  assert.equal(definition.content.packages.add, ['nginx', 'chrony'])
  assert.equal(definition.content.ports, [22, 443])
  assert.equal(definition.disk, { size: '4G', layout: 'cis' })
  assert.is(definition.owner, 'team-web')
})

init.run()
