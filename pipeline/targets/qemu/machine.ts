import type { Accelerator } from './accelerator.ts'
import type { UefiFirmware } from './firmware.ts'
import type { EmulatedTpm } from './tpm.ts'

/** Fixed: each machine has networks of its own, so two of them never meet. */
export const macs = { user: '52:54:00:6d:6d:01', link: '52:54:00:6d:6d:02' } as const

/** The private link's addresses, of the block for documentation: no real host has them. */
export const linkAddresses = { host: '192.0.2.1', guest: '192.0.2.2', prefix: 24 } as const

export interface Machine {
  readonly name: string
  readonly accelerator: Accelerator
  readonly memoryMiB: number
  readonly cpus: number
  /** Null for BIOS. `vars` is this machine's own copy. */
  readonly firmware: UefiFirmware | null
  readonly secureBoot: boolean
  /** qcow2 that takes the writes. */
  readonly overlay: string
  readonly seed: string
  readonly consoleLog: string
  /** TCP port of 127.0.0.1 that leads to the guest's port 22. */
  readonly sshPort: number
  /** More of such: guest port -> port of 127.0.0.1. */
  readonly forwarded?: ReadonlyMap<number, number>
  /** Unix socket of the private link's other end; null without a link. */
  readonly linkSocket: string | null
  /** Null without one. */
  readonly tpm: EmulatedTpm | null
  /** What the hardware clock shows at power-on; null for the true time. */
  readonly clock: Date | null
  /** The user network leads in by the forwarded ports only, and nowhere out. */
  readonly cutOff: boolean
}

/** In QEMU's option lists a comma inside a value is written twice. */
export const value = (text: string): string => text.replaceAll(',', ',,')

/** argv of QEMU for one throw-away machine: nothing listens but the forwarded port, and that on 127.0.0.1 only. */
export function machineArgv(machine: Machine): readonly string[] {
  const kvm = machine.accelerator === 'kvm'
  // biome-ignore format: one option a line
  return [
    'qemu-system-x86_64',
    '-name', value(machine.name),
    '-no-user-config', '-nodefaults',
    '-display', 'none',
    '-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    // Secure Boot's variables are written in system management mode only.
    '-machine', `q35,smm=${machine.secureBoot ? 'on' : 'off'}`,
    '-accel', machine.accelerator,
    '-cpu', kvm ? 'host' : 'max',
    '-smp', String(machine.cpus),
    '-m', String(machine.memoryMiB),
    // It goes on from there by the machine's own time, whatever the host's clock does.
    ...(machine.clock === null ? [] : ['-rtc', `base=${machine.clock.toISOString().slice(0, 19)},clock=vm`]),
    ...firmwareArgv(machine),
    '-drive', `if=none,id=root,file=${value(machine.overlay)},format=qcow2,discard=unmap,cache=unsafe`,
    '-device', 'virtio-blk-pci,drive=root,bootindex=1',
    '-drive', `if=none,id=seed,file=${value(machine.seed)},format=raw,readonly=on`,
    '-device', 'virtio-blk-pci,drive=seed',
    '-netdev', `user,id=user,ipv6=off${machine.cutOff ? ',restrict=on' : ''},hostfwd=tcp:127.0.0.1:${machine.sshPort}-:22${forwardOptions(machine)}`,
    '-device', `virtio-net-pci,netdev=user,mac=${macs.user}`,
    ...linkArgv(machine.linkSocket),
    ...tpmArgv(machine.tpm),
    '-device', 'virtio-rng-pci',
    // Opened after the networks are set up: the file's appearance says that the port is forwarded.
    '-serial', `file:${machine.consoleLog}`,
  ]
}

function forwardOptions({ forwarded = new Map() }: Machine): string {
  return [...forwarded].map(([guest, host]) => `,hostfwd=tcp:127.0.0.1:${host}-:${guest}`).join('')
}

function firmwareArgv({ firmware, secureBoot }: Machine): readonly string[] {
  if (firmware === null) return []
  // biome-ignore format: one option a line
  return [
    ...(secureBoot ? ['-global', 'driver=cfi.pflash01,property=secure,value=on', '-global', 'ICH9-LPC.disable_s3=1'] : []),
    '-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${value(firmware.code)}`,
    '-drive', `if=pflash,unit=1,format=raw,file=${value(firmware.vars)}`,
  ]
}

function linkArgv(socket: string | null): readonly string[] {
  if (socket === null) return []
  // biome-ignore format: one option a line
  return [
    '-netdev', `stream,id=link,server=off,addr.type=unix,addr.path=${value(socket)}`,
    '-device', `virtio-net-pci,netdev=link,mac=${macs.link}`,
  ]
}

function tpmArgv(tpm: EmulatedTpm | null): readonly string[] {
  if (tpm === null) return []
  // biome-ignore format: one option a line
  return [
    '-chardev', `socket,id=tpm,path=${value(tpm.socket)}`,
    '-tpmdev', 'emulator,id=tpm,chardev=tpm',
    '-device', 'tpm-crb,tpmdev=tpm',
  ]
}
