import type { World } from '../../ports/world.ts'

export type Accelerator = 'kvm' | 'tcg'

export interface AcceleratorChoice {
  readonly accelerator: Accelerator
  /** For people: why this one. */
  readonly why: string
}

/** Of the processor's own flags: a /dev/kvm that opens proves nothing, guests on it may hang or abort. */
export function hasVirtualisation(cpuinfo: string): boolean {
  return /^flags\s*:.*\b(?:vmx|svm)\b/m.test(cpuinfo)
}

/** argv of a machine without disks that only says its firmware's name on the debug port. */
function probeArgv(accelerator: Accelerator): readonly string[] {
  // biome-ignore format: one option a line
  return [
    'qemu-system-x86_64',
    '-no-user-config', '-nodefaults',
    '-display', 'none',
    '-machine', 'q35',
    '-accel', accelerator,
    '-cpu', accelerator === 'kvm' ? 'host' : 'max',
    '-m', '64',
    '-chardev', 'stdio,id=said',
    '-device', 'isa-debugcon,iobase=0x402,chardev=said',
  ]
}

/** True when a guest's first instructions really run with this accelerator: its firmware speaks within `timeoutMs`. */
export async function runsGuests(
  world: Pick<World, 'exec'>,
  accelerator: Accelerator,
  timeoutMs = 5000,
): Promise<boolean> {
  if ((await world.exec.which('qemu-system-x86_64')) === null) return false
  let spoke = false
  const probe = world.exec.start(probeArgv(accelerator), {
    leash: 'tree',
    timeoutMs,
    onLine: (line, stream) => {
      if (stream !== 'stdout' || !line.includes('SeaBIOS')) return
      spoke = true
      probe.kill()
    },
  })
  await probe.done
  return spoke
}

/** KVM only when the processor has it, the device is ours to open and a probe really ran; TCG otherwise. */
export async function chooseAccelerator(world: Pick<World, 'exec' | 'files'>): Promise<AcceleratorChoice> {
  const emulated = (why: string): AcceleratorChoice => ({ accelerator: 'tcg', why })
  if (!hasVirtualisation(await world.files.readText('/proc/cpuinfo'))) {
    return emulated('the processor shows no virtualisation (vmx or svm)')
  }
  if ((await world.files.info('/dev/kvm')) === null) return emulated('there is no /dev/kvm')
  if (!(await world.files.accessible('/dev/kvm'))) {
    return emulated('/dev/kvm is not yours to open (add yourself to the group kvm)')
  }
  if (!(await runsGuests(world, 'kvm'))) return emulated('a probe on /dev/kvm did not run')
  return { accelerator: 'kvm', why: 'a probe on /dev/kvm ran' }
}
