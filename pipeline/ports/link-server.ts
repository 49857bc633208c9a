import { chmod, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { MintmarkError } from '../errors.ts'

/** One end of a byte stream whose other end is an emulated network card. */
export interface Wire {
  /** Resolves once the other end can take more, so that a slow peer sets the pace; drops the bytes when nobody is connected. */
  send(bytes: Uint8Array): Promise<void>
  /** Sets the one receiver; chunks come as they arrive, not frame by frame. */
  receive(handler: (bytes: Uint8Array) => void): void
  close(): Promise<void>
}

/** The kernel's limit for the path of a Unix socket, without the final zero. */
const maxSocketPath = 107

/**
 * Listens on a Unix socket (mode 0600) for exactly one peer; later ones are turned away while it is connected.
 * @throws MintmarkError TOOL_FAILED when the socket can't be made
 */
export async function listenForWire(path: string): Promise<Wire> {
  if (Buffer.byteLength(path) > maxSocketPath) {
    throw new MintmarkError(
      'TOOL_FAILED',
      `${path} is too long for a socket (at most ${maxSocketPath} bytes)`,
      {
        hint: 'set TMPDIR to a shorter path',
      },
    )
  }
  let peer: Socket | null = null
  let handler: (bytes: Uint8Array) => void = () => undefined
  const server = createServer((socket) => {
    if (peer !== null) {
      socket.destroy()
      return
    }
    peer = socket
    socket.on('data', (bytes) => handler(bytes))
    socket.on('error', () => socket.destroy()) // the machine was ended: `close` follows
    socket.on('close', () => {
      peer = null
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new MintmarkError('TOOL_FAILED', `can't listen on ${path}`, { cause })),
    )
    server.listen(path, resolve)
  })
  await chmod(path, 0o600)
  server.unref()
  return {
    send: (bytes) =>
      new Promise((resolve) => {
        const to = peer
        if (to === null || to.destroyed || to.write(bytes)) {
          resolve()
          return
        }
        const go = (): void => {
          to.off('drain', go)
          to.off('close', go)
          resolve()
        }
        to.once('drain', go)
        to.once('close', go)
      }),
    receive: (next) => {
      handler = next
    },
    close: async () => {
      peer?.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await rm(path, { force: true })
    },
  }
}
