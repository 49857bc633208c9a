import type { Answer } from '../core/ssh-answers.ts'
import type { UdpPorts } from '../core/udp-probes.ts'
import type { ArtifactPlace } from '../model/artifact.ts'
import type { Definition } from '../model/definition.ts'
import type { Fact } from '../model/stages.ts'
import type { Finished } from '../ports/exec.ts'
import type { World } from '../ports/world.ts'
import type { ForRun } from './building.ts'

/** How to reach a machine that was made from a candidate. */
export interface Login {
  readonly user: string
  /** One line of OpenSSH. */
  readonly publicKey: string
  /** Path of the private key, mode 0600. */
  readonly privateKey: string
}

export interface LaunchInput {
  readonly world: World
  /** The image; it is never written to (what an instance writes goes to a disk of its own). */
  readonly artifact: ArtifactPlace
  readonly definition: Definition
  /** Becomes the instance-id and the host name, or in a cloud, which has ids of its own, part of its name: lower-case letters, digits, "-". */
  readonly instance: string
  readonly login: Login
  /** An existing folder of the caller's for overlay, seed and console log; removed by the caller. */
  readonly folder: string
  /** Virtual size of the instance's disk in GiB, at least the image's. */
  readonly diskGiB: number
  /** Adds a second network card on a private link, whose other end is `Instance.link`. */
  readonly link: boolean
  /** Memory in MiB; 1024 when left out. In a cloud the type of the instance says it. */
  readonly memoryMiB?: number
  /** More public keys (lines of OpenSSH) that may log in as the same user. */
  readonly alsoAuthorize?: readonly string[]
  /** More TCP ports of the guest that this machine can reach, as `Instance.forwarded` says; they pass its firewall. */
  readonly forward?: readonly number[]
  /**
   * Powers on the same instance again: with the disk and the firmware's variables that an earlier machine left in `folder`.
   * What this machine writes to them is kept, or thrown away with it.
   */
  readonly again?: 'keeps' | 'forgets'
  /** What the hardware clock shows at power-on; the true time when left out. */
  readonly clock?: Date
  /** Nothing leads out of the machine, so that no time server corrects its clock. Logins and forwarded ports still lead in. */
  readonly cutOff?: boolean
  /** What it is launched for: a run, or a machine that a person boots. A cloud marks what it makes with it, and takes all of it for one. */
  readonly run: Pick<ForRun, 'image' | 'runId' | 'version'>
  /** The same instance is to be powered on again: `stop` leaves what that takes, until `remove`. */
  readonly goesOn?: boolean
  /** For progress. */
  readonly update?: (text: string) => void
}

/** What a target's machines can show beside a login. A stage asks for this, never for the target. */
export interface MachineCapabilities {
  /** A private link whose other end we are: its services can answer the instance's own questions. */
  readonly link: boolean
  /** The clock can be set for a power-on, and what is written then thrown away. */
  readonly clock: boolean
}

/** What our end of the link answers an instance that asks it. */
export interface LinkServices {
  /** Names that its DNS server knows, in lower case, and their IPv4 addresses; there is no other name. */
  readonly names: Readonly<Record<string, string>>
  /** How far its time server is ahead of the true time. */
  readonly aheadMs: number
}

/** Asks an instance's ports from outside of it. */
export interface PortScan {
  /**
   * TCP ports of the instance that answer a SYN with SYN-ACK; `ports` that stay silent or answer RST are not in it.
   * @param options.listening the ports that the instance itself says it listens on: whoever answers in its place at another is not the instance
   * @throws MintmarkError TOOL_FAILED at the deadline, and where they can't be told
   */
  openTcpPorts(
    ports: readonly number[],
    options?: { readonly timeoutMs?: number; readonly listening?: readonly number[] },
  ): Promise<readonly number[]>
  /** How UDP ports answer what their usual services would answer. @throws MintmarkError TOOL_FAILED as above */
  openUdpPorts(ports: readonly number[], options?: { readonly timeoutMs?: number }): Promise<UdpPorts>
}

/** Our end of the private link: we are a host at layer 2, not a client of a forwarder. */
export interface Link extends PortScan {
  /** IPv4 addresses on the link. */
  readonly addresses: { readonly ours: string; readonly instance: string }
  /** Serves DNS and NTP by UDP at our address, until the function that it returns is called. */
  serve(services: LinkServices): () => void
  /** True once the instance answered our ARP request. */
  reachable(timeoutMs: number): Promise<boolean>
}

export interface Instance {
  /** For people and for ssh: 127.0.0.1 and a forwarded port, or its own address, which a cloud gives it some time after its launch. */
  readonly host: string
  readonly port: number
  readonly link: Link | null
  /** How its ports are asked where there is no link. */
  readonly scan?: PortScan
  /** What the cloud around it knows of it, and what it has to know of itself. */
  readonly cloud?: CloudSide
  /** The name of its keys in the file of known hosts, and what confirms them. Left out where nobody can answer in its place. */
  readonly hostKeys?: {
    readonly alias: string
    /** Holds them against what the machine itself tells. @throws MintmarkError CHAIN_BROKEN when somebody else answers */
    confirm(): Promise<void>
  }
  /** Guest port -> port of `host` that leads to it, for what `LaunchInput.forward` asked. */
  readonly forwarded?: ReadonlyMap<number, number>
  /** Seconds from power-on until a login as `login.user` worked; rejects with the console's last lines at the deadline. */
  waitForLogin(deadlineMs: number): Promise<number>
  /** Runs one command line of the guest's shell as the login user; never rejects for its exit code. */
  ssh(command: string, options?: { readonly timeoutMs?: number; readonly input?: string }): Promise<Finished>
  /** argv of an OpenSSH client for this instance, without a command. */
  sshArgv(): readonly string[]
  /** Last lines of the serial console. */
  console(lines: number): Promise<readonly string[]>
  /** Resolves when the machine's process has ended. */
  readonly ended: Promise<void>
  /** Ends the machine at once; safe to call twice. */
  stop(): Promise<void>
  /** Removes what it leaves outside of its folder, its disk with it; safe to call twice. Left out where all is in the folder. */
  remove?(): Promise<void>
}

/** What only instances of a cloud can be asked. */
export interface CloudSide {
  /** Lines of sh for the look inside, each `ask NAME COMMAND...`. */
  readonly questions: string
  /** @param answers of the look inside, by name. @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE */
  facts(answers: Readonly<Record<string, Answer>>): Promise<readonly Fact[]>
}
