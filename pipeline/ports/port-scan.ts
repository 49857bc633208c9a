import { createSocket } from 'node:dgram'
import { createConnection, isIPv6 } from 'node:net'
import { MintmarkError } from '../errors.ts'

export interface TcpQuestion {
  /** An IP address. */
  readonly host: string
  readonly ports: readonly number[]
  /** Connections that are tried at a time. */
  readonly atOnce: number
  /** Until a port that says nothing is given up. */
  readonly timeoutMs: number
  /** Ends the scan, as an error. */
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

export interface UdpQuestion {
  /** An IP address. */
  readonly host: string
  readonly port: number
  /** Each is a datagram of its own. */
  readonly payloads: readonly Uint8Array[]
  readonly timeoutMs: number
}

/** `closed`: the host says that nobody listens, or that it lets nobody through. `silent` proves nothing. */
export type UdpAnswer = 'open' | 'closed' | 'silent'

/** Of this machine, not of the one that is asked. */
const ownProblems: readonly string[] = [
  'EMFILE',
  'ENFILE',
  'EADDRNOTAVAIL',
  'ENOBUFS',
  'ENETUNREACH',
  'EACCES',
]

/** True: it accepted. @throws the socket's error where it is a problem of this machine */
function accepts(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port })
    const end = (open: boolean): void => {
      socket.destroy()
      resolve(open)
    }
    socket.setTimeout(timeoutMs, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      socket.destroy()
      if (ownProblems.includes(cause.code ?? '')) reject(cause)
      else resolve(false)
    })
  })
}

/**
 * TCP ports of a host that accept a connection, ascending.
 * @throws MintmarkError TOOL_FAILED at the deadline or when this machine can't ask, INTERRUPTED
 */
export async function openTcpPorts(question: TcpQuestion): Promise<readonly number[]> {
  const { host, ports, atOnce, timeoutMs, deadlineMs, signal } = question
  const open: number[] = []
  let next = 0
  let late = false
  const timer = setTimeout(() => {
    late = true
  }, deadlineMs)
  async function worker(): Promise<void> {
    while (!late && !signal.aborted && next < ports.length) {
      const port = ports[next]
      next += 1
      if (port !== undefined && (await accepts(host, port, timeoutMs))) open.push(port)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, ports.length) }, worker))
  } catch (cause) {
    late = true
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MintmarkError('TOOL_FAILED', `the ports of ${host} could not be asked: ${why}`, { cause })
  } finally {
    clearTimeout(timer)
  }
  if (signal.aborted) throw new MintmarkError('INTERRUPTED', 'stopped')
  if (late && next < ports.length)
    throw new MintmarkError(
      'TOOL_FAILED',
      `the scan of ${host} did not end within ${deadlineMs / 1000} s: ${next} of ${ports.length} ports were asked`,
    )
  return open.sort((a, b) => a - b)
}

/** How a UDP port of a host answers; never rejects. A lost datagram is sent once more at half the time. */
export function askUdp({ host, port, payloads, timeoutMs }: UdpQuestion): Promise<UdpAnswer> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    const timers: NodeJS.Timeout[] = []
    let over = false
    const end = (answer: UdpAnswer): void => {
      if (over) return
      over = true
      for (const timer of timers) clearTimeout(timer)
      socket.close()
      resolve(answer)
    }
    const ask = (): void => {
      for (const payload of payloads)
        socket.send(payload, (cause) => {
          if (cause !== null) end('closed')
        })
    }
    socket.on('message', () => end('open'))
    // Where the host says that nobody listens there, a connected socket is told.
    socket.on('error', () => end('closed'))
    timers.push(setTimeout(() => end('silent'), timeoutMs))
    socket.connect(port, host, (cause?: Error) => {
      if (cause !== undefined && cause !== null) return end('silent')
      ask()
      timers.push(setTimeout(ask, timeoutMs / 2))
    })
  })
}
