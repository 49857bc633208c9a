import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { AwsTarget } from '../../pipeline/model/aws-target.ts'
import type { Tool, ToolName, Tools } from '../../pipeline/ports/tools.ts'
import { ensureTools, type Purpose, purposesOf } from '../../pipeline/stages/setup.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { plainDefinition } from '../helpers/plain-definition.ts'
import { testWorld } from '../helpers/world.ts'

const setup = suite('setup')

/** A machine that lacks things, and remembers what it was asked to install. The real installing is what setup does before every test run. */
function lacking(packages: readonly string[], missing: readonly ToolName[]) {
  const installed: string[] = []
  const tool: Tool = { path: '/x', version: '1.0.0', sha256: '0'.repeat(64), origin: 'PATH' }
  const tools: Tools = {
    need: async () => tool,
    inspect: async (name) =>
      missing.includes(name) ? { status: 'missing', why: 'not installed' } : { status: 'accepted', tool },
    install: async (name) => {
      installed.push(name)
      return tool
    },
    dropBuildFiles: async () => undefined,
    debianPackages: async () =>
      packages.map((name) => ({ name, seenBy: name, present: false, version: null, path: null })),
    installDebianPackages: async (names) => void installed.push(...names),
  }
  return { tools, installed }
}

setup('what a step for ansible needs has a purpose of its own', async () => {
  const { world, close } = await testWorld()
  try {
    const names = async (purpose: Purpose) =>
      (await world.tools.debianPackages(purpose)).map(({ name }) => name)
    assert.not.ok((await names('release')).includes('ansible-core'))
    assert.ok((await names('ansible')).includes('ansible-core'))
    assert.ok((await names('test')).includes('ansible-core'))
    const { tools } = lacking(['ansible-core'], [])
    await ensureTools({ ...world, tools }, ['ansible'], false)
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as MintmarkError).hint, './mintmark setup --for ansible --yes')
  } finally {
    await close()
  }
})

const awsTarget = AwsTarget.parse({
  account: '123456789012',
  build: { region: 'eu-west-1' },
  regions: ['eu-west-1'],
  encrypt: { key: 'alias/golden' },
})

setup('a definition says what its release needs here', async () => {
  const { world, close } = await testWorld()
  try {
    const names = (await world.tools.debianPackages('tpm')).map(({ name }) => name)
    assert.ok(names.includes('swtpm'))
    assert.not.ok(names.includes('ansible-core'))
    const definition = plainDefinition({ hardening: { profiles: ['baseline'] } })
    const { qemu, aws } = targets
    assert.equal(purposesOf(definition, qemu), ['release'])
    const ami = { ...definition, targets: { aws: awsTarget } }
    assert.ok(aws)
    assert.equal(purposesOf(ami, aws), ['aws'])
    const machine = { firmware: 'uefi', secureBoot: true, tpm: true } as const
    const content = { ...definition.content, steps: [{ ansible: 'play/site.yml', secrets: [] }] }
    assert.equal(purposesOf({ ...definition, machine }, qemu), ['tpm'])
    const both = purposesOf({ ...definition, machine, content }, qemu)
    const { tools } = lacking(['swtpm'], [])
    await ensureTools({ ...world, tools }, both, false)
    assert.unreachable()
  } catch (cause) {
    assert.match((cause as MintmarkError).message, '1 things are missing: swtpm')
    assert.is((cause as MintmarkError).hint, './mintmark setup --for ansible --for tpm --yes')
  } finally {
    await close()
  }
})

setup('without consent nothing is installed, and the one command is told', async () => {
  const { world, close } = await testWorld()
  try {
    const { tools, installed } = lacking(['mtools'], ['trivy'])
    for (const interactive of [false, true]) {
      try {
        await ensureTools({ ...world, tools, report: { ...world.report, interactive } }, ['test'], false)
        assert.unreachable()
      } catch (cause) {
        const error = cause as MintmarkError
        assert.is(error.code, 'TOOL_MISSING')
        assert.match(error.message, 'mtools, Trivy 0.70.0')
        assert.is(error.hint, './mintmark setup --for test --yes')
      }
    }
    assert.equal(installed, [])
  } finally {
    await close()
  }
})

setup('consent is --yes, or a yes on a terminal', async () => {
  for (const yes of [true, false]) {
    const { world, close } = await testWorld({ answer: true })
    try {
      const { tools, installed } = lacking(['mtools'], ['packer', 'trivy'])
      await ensureTools({ ...world, tools, report: { ...world.report, interactive: true } }, ['release'], yes)
      assert.equal(installed, ['mtools', 'packer', 'trivy'])
    } finally {
      await close()
    }
  }
})

setup('a machine that has all is left alone', async () => {
  const { world, close } = await testWorld()
  try {
    const { tools, installed } = lacking([], [])
    assert.equal(await ensureTools({ ...world, tools }, ['release'], false), { installed: [] })
    assert.equal(installed, [])
  } finally {
    await close()
  }
})

setup.run()
