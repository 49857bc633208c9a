import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { instanceKey } from '../../../pipeline/stages/instance-key.ts'
import { chooseAccelerator } from '../../../pipeline/targets/qemu/accelerator.ts'
import { type MachineInput, launch } from '../../../pipeline/targets/qemu/launch.ts'
import { bootSectorThatPanics } from '../../helpers/boot-sector.ts'
import { plainDefinition } from '../../helpers/plain-definition.ts'
import { refusal } from '../../helpers/refusal.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

// Real QEMU with a boot sector in the place of a system.
const again = suite('second power-on')

/** Launches it, and gives what became of its login, what was warned of, and the console's end. */
async function launched(t: TestWorld, change: Pick<MachineInput, 'again'> | Record<string, never>) {
  const { exec, files } = t.world
  const folder = await files.tempFolder('machine-', t.folder)
  const raw = join(folder, 'disk.raw')
  await files.write(raw, Buffer.concat([bootSectorThatPanics(), Buffer.alloc(1024 * 1024 - 512)]))
  const disk = join(folder, 'again' in change ? 'overlay.qcow2' : 'disk.qcow2')
  await exec.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, disk])
  const warned: string[] = []
  const world = { ...t.world, report: { ...t.world.report, warn: (text: string) => void warned.push(text) } }
  const login = await instanceKey(world, folder, 'debian')
  const base = { world, disk, definition: plainDefinition(), instance: 'mm-test', login, folder }
  const machine = await launch({ ...base, diskGiB: 1, link: true, ...change })
  const ports = new Set([machine.port])
  const error = await refusal(machine.waitForLogin(12_000))
  ports.add(machine.port)
  const said = await machine.console(3)
  await machine.stop()
  await machine.ended
  return { error, warned, said, powerOns: ports.size }
}

again('a kernel that stops is told at once; emulated it has a second try, and no third', async () => {
  const t = await testWorld()
  try {
    const { accelerator } = await chooseAccelerator(t.world)
    const { error, warned, powerOns } = await launched(t, {})
    assert.is(error.code, 'TOOL_FAILED')
    assert.match(
      error.message,
      /^the machine mm-test has a kernel that stopped, [\d.]+ s after power-on: IO-APIC \+ timer does not work!$/,
    )
    assert.is(error.where['kernel'], 'panic')
    const tries = accelerator === 'tcg' ? 2 : 1
    assert.is(powerOns, tries)
    assert.is(warned.length, tries - 1)
    if (tries === 2) assert.match(warned[0] ?? '', /; mm-test is powered on once more, for it runs emulated$/)
  } finally {
    await t.close()
  }
})

again('the second power-on of an instance that goes on has the disk of the first', async () => {
  const t = await testWorld()
  try {
    if ((await chooseAccelerator(t.world)).accelerator === 'kvm') return
    const { error, warned, said, powerOns } = await launched(t, { again: 'keeps' })
    assert.match(error.message, /^the machine mm-test did not answer as debian within 12 s$/)
    assert.is(powerOns, 2)
    assert.is(warned.length, 1)
    assert.is(said.at(-1), 'up the second time')
  } finally {
    await t.close()
  }
})

again.run()
