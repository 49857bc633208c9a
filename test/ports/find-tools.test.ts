import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as doctor } from '../../pipeline/cli/verbs/doctor.ts'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { findTools, refusal } from '../../pipeline/ports/find-tools.ts'
import { aptCommand, download, toolFolder } from '../../pipeline/ports/install-tools.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import { withAdvisories } from '../../pipeline/stages/scan-again.ts'
import { ensureTools } from '../../pipeline/stages/setup.ts'
import { toolTable } from '../../pipeline/tools/table.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { checkout, testWorld } from '../helpers/world.ts'

interface Context {
  folder: string
  path: string
}

const finding = suite<Context>('find-tools', { folder: '', path: '' })
const exec = nodeExec(new AbortController().signal)
const places = (folder: string) => placesFrom({ XDG_CACHE_HOME: folder }, checkout)

finding.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'mintmark-tools-'))
  context.path = process.env['PATH'] ?? ''
})

finding.after.each(async (context) => {
  process.env['PATH'] = context.path
  await rm(context.folder, { recursive: true, force: true })
})

/** A program on PATH that says this version. */
async function onPath(context: Context, name: string, version: string): Promise<void> {
  const bin = join(context.folder, 'bin')
  await mkdir(bin, { recursive: true })
  await writeFile(join(bin, name), `#!/bin/sh\necho 'Version: ${version}'\n`)
  await chmod(join(bin, name), 0o755)
  process.env['PATH'] = `${bin}:/usr/bin:/bin`
}

finding('what an attacker released is refused by number', () => {
  for (const version of ['0.69.4', '0.69.5', '0.69.6'])
    assert.match(refusal(toolTable.trivy, version) ?? '', 'CVE-2026-33634')
  assert.is(refusal(toolTable.trivy, '0.70.0'), null)
  assert.match(refusal(toolTable.trivy, '0.50.0') ?? '', 'accepts')
})

finding('a compromised Trivy on PATH is never run as a scanner', async (context) => {
  await onPath(context, 'trivy', '0.69.4')
  const state = await findTools(exec, nodeFiles, places(context.folder)).inspect('trivy')
  assert.is(state.status, 'refused')
  try {
    await findTools(exec, nodeFiles, places(context.folder)).need('trivy')
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'TOOL_REFUSED')
    assert.match((cause as MintmarkError).message, '0.69.4')
  }
})

/** A program in the cache with a receipt that fits it, of any version that the receipt claims. */
async function inCache(context: Context, says: string, claims: string): Promise<void> {
  process.env['PATH'] = '/usr/bin:/bin'
  const folder = await toolFolder(nodeFiles, places(context.folder), 'trivy')
  const program = join(folder, 'trivy')
  await nodeFiles.write(program, `#!/bin/sh\necho 'Version: ${says}'\n`)
  await chmod(program, 0o755)
  const sha256 = await nodeFiles.sha256(program)
  await nodeFiles.write(
    join(folder, 'receipt.json'),
    JSON.stringify({ version: claims, sha256, origin: 'x' }),
  )
}

finding(
  'a compromised Trivy given in the cache is refused with the reason, whatever its receipt says',
  async (context) => {
    for (const version of ['0.69.4', '0.69.5', '0.69.6']) {
      await inCache(context, version, toolTable.trivy.version)
      const tools = findTools(exec, nodeFiles, places(context.folder))
      const state = await tools.inspect('trivy')
      assert.is(state.status, 'refused')
      assert.match(state.status === 'refused' ? state.why : '', 'CVE-2026-33634')
      try {
        await tools.need('trivy')
        assert.unreachable()
      } catch (cause) {
        assert.is((cause as MintmarkError).code, 'TOOL_REFUSED')
        assert.match((cause as MintmarkError).message, `${version}: released by an attacker`)
      }
    }
    await inCache(context, toolTable.trivy.version, toolTable.trivy.version)
    assert.is((await findTools(exec, nodeFiles, places(context.folder)).inspect('trivy')).status, 'accepted')
  },
)

finding('doctor, setup and scan say why a compromised one is refused', async (context) => {
  const box = await testWorld()
  try {
    await onPath(context, 'trivy', '0.69.5')
    const world = { ...box.world, tools: findTools(exec, nodeFiles, places(context.folder)) }
    assert.is(await doctor({ world, args: [], options: {} }), 4)
    assert.match(
      box.told.results[0]?.text ?? '',
      /✗ Trivy +0\.69\.5 +refused, released by an attacker.*CVE-2026-33634/,
    )
    try {
      await ensureTools(world, ['release'], false)
      assert.unreachable()
    } catch (cause) {
      assert.match((cause as MintmarkError).message, /Trivy/)
    }
    assert.ok(
      box.told.lines.some((line) => /Trivy 0\.69\.5 .*is refused: released by an attacker/.test(line)),
    )
    try {
      await withAdvisories(world, fixtureDb, async () => assert.unreachable())
      assert.unreachable()
    } catch (cause) {
      assert.is((cause as MintmarkError).code, 'TOOL_REFUSED')
      assert.match((cause as MintmarkError).message, 'CVE-2026-33634')
    }
  } finally {
    await box.close()
  }
})

finding('no pinned version is a denied one', () => {
  for (const row of Object.values(toolTable)) assert.is(refusal(row, row.version), null)
})

finding('an accepted one on PATH is taken, with its hash', async (context) => {
  await onPath(context, 'trivy', '0.70.0')
  const tool = await findTools(exec, nodeFiles, places(context.folder)).need('trivy')
  assert.is(tool.path, join(context.folder, 'bin/trivy'))
  assert.is(tool.sha256, await nodeFiles.sha256(tool.path))
})

finding('a program in the cache that is not what was installed is refused', async (context) => {
  process.env['PATH'] = '/usr/bin:/bin'
  const folder = await toolFolder(nodeFiles, places(context.folder), 'packer')
  await nodeFiles.write(join(folder, 'packer'), '#!/bin/sh\n')
  await nodeFiles.write(
    join(folder, 'receipt.json'),
    JSON.stringify({ version: '1.11.2', sha256: '0'.repeat(64), origin: 'x' }),
  )
  const state = await findTools(exec, nodeFiles, places(context.folder)).inspect('packer')
  assert.is(state.status, 'refused')
})

finding('nothing anywhere is a missing tool', async (context) => {
  process.env['PATH'] = '/usr/bin:/bin'
  try {
    await findTools(exec, nodeFiles, places(context.folder)).need('packer')
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'TOOL_MISSING')
  }
})

finding('a download with another hash is refused; an unreachable host is no answer', async () => {
  const server = createServer((_request, response) => response.end('not the file'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  try {
    await download(`http://127.0.0.1:${port}/x`, '0'.repeat(64))
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'TOOL_REFUSED')
  } finally {
    server.close()
  }
  assert.is(await download(`http://127.0.0.1:${port}/x`, '0'.repeat(64)), null)
})

finding('what only root can do is one line to paste', () => {
  assert.is(
    aptCommand(['mtools', 'ovmf'], true),
    'sudo apt-get install -y --no-install-recommends mtools ovmf',
  )
})

finding.run()
