import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { linkRules } from '../../pipeline/core/link-facts.ts'
import { judgeOwnTest } from '../../pipeline/core/own-tests.ts'
import { lookScript, parseAnswers, parseRootSize } from '../../pipeline/core/ssh-answers.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import { loadLock } from '../../pipeline/stages/base-lock.ts'
import { instanceKey } from '../../pipeline/stages/instance-key.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { runOwnTests } from '../../pipeline/stages/own-tests.ts'
import { resolveBase } from '../../pipeline/targets/qemu/archive/resolve-base.ts'
import { launch } from '../../pipeline/targets/qemu/launch.ts'
import { readDisk } from '../../pipeline/targets/disk/read-disk.ts'
import { checkout, testWorld } from '../helpers/world.ts'

// A real base of the layout cis (from the cache, else bootstrapped: about a minute), and one real boot of it.
const layout = suite('disk layout cis')

const image = 'debian-13'
const deadlineMs = 600_000

const wanted = [
  ['/home', 'nosuid,nodev', '755 0:0'],
  ['/var', 'nosuid,nodev', '755 0:0'],
  ['/var/log', 'nosuid,nodev,noexec', '755 0:0'],
  ['/var/log/audit', 'nosuid,nodev,noexec', '700 0:0'],
  ['/var/tmp', 'nosuid,nodev,noexec', '1777 0:0'],
] as const

layout(
  'boots with Secure Boot, mounts what CIS wants apart, grows its root, and is read as one tree',
  async () => {
    const test = await testWorld()
    try {
      const world = {
        ...test.world,
        places: { ...test.world.places, bases: placesFrom(process.env, checkout).bases },
      }
      const definition = {
        ...(await loadDefinition(world, image)),
        disk: { size: '8G', layout: 'cis' as const },
        machine: { firmware: 'uefi' as const, secureBoot: true, tpm: true },
      }
      const lock = await loadLock(world, image, 'qemu')
      const base = await resolveBase({ world, image, definition, lock, step: { update: () => undefined } })
      assert.ok(base.disk.virtualBytes < 8 * 2 ** 30)

      const {
        root,
        fileSystems,
        asOwned = [],
      } = await readDisk(world, base.disk.path, await world.files.tempFolder('tree-', test.folder))
      assert.equal(
        fileSystems.map(({ mount }) => mount).sort(),
        ['/', '/boot/efi', ...wanted.map(([mount]) => mount)].sort(),
      )
      for (const [mount, , owned] of wanted) {
        const { stdout } = await world.exec.run([...asOwned, 'stat', '-c', '%a %u:%g', `${root}${mount}`])
        assert.is(stdout.trim(), owned, mount)
      }
      assert.match(await world.files.readText(`${root}/var/lib/dpkg/status`), /^Package: cloud-init$/m)

      const folder = await world.files.tempFolder('machine-', test.folder)
      const login = await instanceKey(world, folder, 'debian')
      const machine = await launch({
        world,
        disk: base.disk.path,
        definition,
        instance: 'mm-layout',
        login,
        folder,
        diskGiB: 9,
        link: false,
        forward: [8080],
      })
      try {
        await machine.waitForLogin(deadlineMs)
        const says = async (command: string): Promise<string> =>
          (await machine.ssh(command, { timeoutMs: 120_000 })).stdout.trim()
        const answers = parseAnswers((await machine.ssh(lookScript, { timeoutMs: 300_000 })).stdout)
        assert.is(answers['booted']?.text, 'running')
        const status = await machine.ssh('cloud-init status --wait --long', { timeoutMs: 300_000 })
        assert.match(status.stdout, /^status: done$/m)
        assert.is(status.code, 0, status.stdout)
        assert.match(await says('mokutil --sb-state'), 'SecureBoot enabled')
        const firmware = linkRules({ excepted: [], machine: definition.machine })
          .filter(({ id }) => ['secure-boot-on', 'tpm-there'].includes(id))
          .map((rule) => rule.judge({ answers }))
        assert.equal(firmware, [
          { status: 'pass', found: 'on' },
          { status: 'pass', found: 'TPM 2.0' },
        ])
        // It measures: the firmware has extended the register of its own code.
        assert.match(await says('sudo cat /sys/class/tpm/tpm0/pcr-sha256/0'), /^(?!0+$)[0-9A-F]{64}$/)

        const mounts = await says('findmnt -rno TARGET,FSTYPE,OPTIONS')
        for (const [mount, options] of wanted) {
          const line = mounts.split('\n').find((row) => row.startsWith(`${mount} `)) ?? ''
          assert.match(line, / ext4 /, mount)
          for (const option of options.split(',')) assert.match(line, new RegExp(`\\b${option}\\b`), line)
          assert.is(await says(`sudo stat -c '%a %u:%g' ${mount}`), wanted.find(([at]) => at === mount)?.[2])
        }
        assert.match(mounts, /^\/tmp tmpfs \S*nosuid,nodev/m)
        const size = parseRootSize(answers['root-size']?.text ?? '')
        assert.is(size?.diskBytes, 9 * 2 ** 30)
        assert.ok((size?.diskBytes ?? 0) - (size?.endBytes ?? 0) < 64 * 2 ** 20)
        assert.ok((size?.partitionBytes ?? 0) - (size?.fileSystemBytes ?? 1e12) < 64 * 2 ** 20)
        assert.ok((size?.fileSystemBytes ?? 0) > 4.5 * 2 ** 30)

        // The definition's own tests, against a real guest: from inside as root, and from outside.
        const http = { http: ':8080/etc/hostname', https: false, status: 200 } as const
        const tests = [
          { run: 'id -u && test "$(sed \'s/x/x/\' /etc/hostname)" = mm-layout', exit: 0 },
          { run: 'echo "it\'s broken" >&2; exit 3', exit: 0 },
          { run: 'systemd-run --quiet --unit=asked python3 -m http.server --directory / 8080', exit: 0 },
          http,
          { ...http, http: ':8080/nowhere', status: 404 },
        ]
        const verdicts = (await runOwnTests(world, machine, tests)).map((seen, at) =>
          judgeOwnTest(tests[at] ?? http, seen),
        )
        assert.equal(verdicts, [
          { status: 'pass', found: 'exit code 0' },
          { status: 'fail', found: "exit code 3: it's broken" },
          { status: 'pass', found: 'exit code 0' },
          { status: 'pass', found: 'status 200' },
          { status: 'pass', found: 'status 404' },
        ])
        // What a kernel's package runs, with /var/tmp that no program runs from.
        const hook = await machine.ssh('sudo update-initramfs -u', { timeoutMs: 600_000 })
        assert.is(hook.code, 0, hook.stderr)
      } finally {
        await machine.stop()
      }
    } finally {
      await test.close()
    }
  },
)

layout.run()
