import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { findTools, refusal } from '../../pipeline/ports/find-tools.ts'
import { aptCommand, download, toolFolder } from '../../pipeline/ports/install-tools.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import { toolTable } from '../../pipeline/tools/table.ts'
import { checkout } from '../helpers/world.ts'

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
