import { join } from 'node:path'
import { kernelPanic, lastLines } from '../../../core/console-lines.ts'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'
import { type Accelerator, chooseAccelerator } from '../accelerator.ts'
import { value as optionValue } from '../machine.ts'
import { type Helper, helperMachine } from './make-helper.ts'

const memoryMiB = 1024
const cpus = 2
/** In the caller's folder. */
export const consoleName = 'helper-console.log'

/** Emulated kernels panic now and then. */
const tries = 2

export interface HelperInput {
  readonly world: World
  /** Path of the shell script that runs in the machine, as root. */
  readonly job: string
  /** Its $WORDS: letters, digits and blanks. */
  readonly words: string
  /** A qcow2 disk, its $DISK. It is written to. */
  readonly disk: string
  /** Scratch of the caller's: the answer and the console are left in it. */
  readonly folder: string
  /** Size of the disk $OUT, at which the answer ends; only what is written takes place. */
  readonly outBytes: number
  readonly deadlineMs: number
}

interface HelperMachine extends Omit<HelperInput, 'world' | 'folder' | 'outBytes' | 'deadlineMs'> {
  readonly helper: Helper
  readonly accelerator: Accelerator
  readonly out: string
  readonly console: string
}

/** argv of QEMU: two disks and a console, no network at all. */
export function helperArgv(machine: HelperMachine): readonly string[] {
  const kvm = machine.accelerator === 'kvm'
  // A full disk of ours is told to the guest, which would otherwise be stopped in silence.
  const told = 'werror=report,rerror=report'
  // biome-ignore format: one option a line
  return [
    'qemu-system-x86_64',
    '-name', 'mintmark-helper',
    '-no-user-config', '-nodefaults', '-no-reboot',
    '-display', 'none',
    '-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    '-machine', 'q35',
    '-accel', machine.accelerator,
    '-cpu', kvm ? 'host' : 'max',
    '-smp', String(cpus),
    '-m', String(memoryMiB),
    '-nic', 'none',
    '-kernel', machine.helper.kernel,
    '-initrd', machine.helper.initrd,
    '-append', 'console=ttyS0 panic=-1 quiet',
    '-fw_cfg', `name=opt/mintmark/job,file=${optionValue(machine.job)}`,
    // The blank is for QEMU, which takes no empty value.
    '-fw_cfg', `name=opt/mintmark/words,string= ${machine.words}`,
    '-drive', `if=none,id=disk,file=${optionValue(machine.disk)},format=qcow2,cache=unsafe`,
    '-device', `virtio-blk-pci,drive=disk,serial=disk,${told}`,
    '-drive', `if=none,id=out,file=${optionValue(machine.out)},format=raw,cache=unsafe`,
    '-device', `virtio-blk-pci,drive=out,serial=out,${told}`,
    // No list of options: its path is taken as it is.
    '-serial', `file:${machine.console}`,
  ]
}

/**
 * Boots the helper machine (4 to 20 s) and waits until its job has ended.
 * @returns path of the raw disk that the job wrote its answer to; what that says is the caller's to judge
 * @throws MintmarkError TOOL_FAILED when the machine fails or the deadline passes, with the console's last lines
 */
export async function runHelper(input: HelperInput): Promise<string> {
  const { world, folder, deadlineMs } = input
  const helper = await helperMachine(world)
  const { accelerator } = await chooseAccelerator(world)
  const out = join(folder, 'answer.raw')
  const log = join(folder, consoleName)
  for (let attempt = 1; ; attempt += 1) {
    await world.files.remove(out)
    await world.files.write(log, '', { mode: 0o600 })
    await world.exec.run(['qemu-img', 'create', '-q', '-f', 'raw', out, String(input.outBytes)])
    const argv = helperArgv({ ...input, helper, accelerator, out, console: log })
    const { code, stderr } = await world.exec.start(argv, { leash: 'tree', timeoutMs: deadlineMs }).done
    if (world.signal.aborted) throw new MintmarkError('INTERRUPTED', 'stopped')
    const said = await world.files.readText(log)
    if (said.includes('mintmark: the job ended')) return out
    if (attempt < tries && kernelPanic(said) !== null) continue
    const how = code === null ? `was stopped after ${deadlineMs / 1000} s` : `ended with exit code ${code}`
    throw new MintmarkError('TOOL_FAILED', `the machine that reads disks ${how} before its job was done`, {
      details: [...lastLines(stderr, 4), ...lastLines(said, 15)],
    })
  }
}
