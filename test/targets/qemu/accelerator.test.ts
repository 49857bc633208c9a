import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  chooseAccelerator,
  hasVirtualisation,
  runsGuests,
} from '../../../pipeline/targets/qemu/accelerator.ts'
import { testWorld } from '../../helpers/world.ts'

const accelerator = suite('accelerator')

accelerator('reads the flags of the processor', () => {
  assert.is(hasVirtualisation('processor\t: 0\nflags\t\t: fpu vme vmx sse\n'), true)
  assert.is(hasVirtualisation('flags\t\t: fpu svm\n'), true)
  assert.is(hasVirtualisation('flags\t\t: fpu svm_lock novmx\nvmx flags\t: vnmi\n'), false)
})

accelerator('the probe really runs a guest with the emulator', async () => {
  const { world, close } = await testWorld()
  try {
    assert.is(await runsGuests(world, 'tcg'), true)
  } finally {
    await close()
  }
})

accelerator('KVM is taken exactly when flag, device and probe say yes', async () => {
  const { world, close } = await testWorld()
  try {
    const flag = hasVirtualisation(await world.files.readText('/proc/cpuinfo'))
    const works = flag && (await world.files.accessible('/dev/kvm')) && (await runsGuests(world, 'kvm'))
    const choice = await chooseAccelerator(world)
    assert.is(choice.accelerator, works ? 'kvm' : 'tcg')
    assert.is.not(choice.why, '')
  } finally {
    await close()
  }
})

accelerator('a device that opens is not enough: the flag and the probe are asked too', async () => {
  const { world, close } = await testWorld()
  const machine = (flags: string, device: boolean, probe: string) => ({
    files: {
      ...world.files,
      readText: async () => `flags\t\t: ${flags}\n`,
      accessible: async () => device,
      info: async () => ({ kind: 'other', size: 0, onDisk: 0, mode: 0o600, modifiedMs: 0 }) as const,
    },
    exec: {
      ...world.exec,
      // A guest that hangs says nothing; one that runs says what SeaBIOS says.
      start: (_argv: readonly string[], options?: Parameters<typeof world.exec.start>[1]) =>
        world.exec.start(['printf', '%s\\n', probe], options),
      which: async () => '/usr/bin/qemu-system-x86_64',
    },
  })
  try {
    assert.match((await chooseAccelerator(machine('fpu', true, 'SeaBIOS'))).why, 'vmx')
    assert.match((await chooseAccelerator(machine('vmx', false, 'SeaBIOS'))).why, 'group kvm')
    assert.is((await chooseAccelerator(machine('vmx', true, ''))).accelerator, 'tcg')
  } finally {
    await close()
  }
})

accelerator.run()
