import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { publicKeyring } from '../../pipeline/core/apt-keyring.ts'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { serveTeamRepo } from './team-repo.ts'

const repos = suite('team-repo')
const exec = nodeExec(new AbortController().signal)

repos("apt takes the repository with our keyring, and with nobody else's", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mintmark-repo-'))
  const [own, other] = [
    await serveTeamRepo(exec, join(folder, 'a')),
    await serveTeamRepo(exec, join(folder, 'b')),
  ]
  try {
    const lists = join(folder, 'apt/lists/partial')
    await mkdir(lists, { recursive: true })
    await mkdir(join(folder, 'apt/cache/archives/partial'), { recursive: true })
    await writeFile(join(folder, 'apt/status'), '')
    // apt verifies as its own user, who has to reach the key.
    await exec.run(['chmod', '0755', folder, join(folder, 'apt')])
    for (const [key, code] of [
      [own.key, 0],
      [other.key, 100],
    ] as const) {
      const read = publicKeyring(Buffer.from(key))
      if (typeof read === 'string') throw new Error(read)
      await writeFile(join(folder, 'key.gpg'), read.keyring, { mode: 0o644 })
      await writeFile(
        join(folder, 'sources.list'),
        `deb [signed-by=${join(folder, 'key.gpg')}] ${own.url} trixie main\n`,
      )
      const argv = ['apt-get', '-q', 'update']
      for (const [name, value] of [
        ['Dir::State', join(folder, 'apt')],
        ['Dir::State::status', join(folder, 'apt/status')],
        ['Dir::State::lists', join(folder, 'apt/lists')],
        ['Dir::Cache', join(folder, 'apt/cache')],
        ['Dir::Etc::sourcelist', join(folder, 'sources.list')],
        ['Dir::Etc::sourceparts', '/dev/null'],
        ['APT::Architecture', 'amd64'],
        ['APT::Update::Error-Mode', 'any'],
        ['APT::Sandbox::User', ''],
      ] as const)
        argv.push('-o', `${name}=${value}`)
      const done = await exec.run(argv, { ok: 'any', timeoutMs: 60_000 })
      assert.is(done.code, code, done.stdout + done.stderr)
    }
    assert.ok(own.asked.includes('/debian/dists/trixie/main/binary-amd64/Packages'))
  } finally {
    await own.close()
    await other.close()
    await rm(folder, { recursive: true, force: true })
  }
})

repos.run()
