import { createSocket, type Socket } from 'node:dgram'
import { createServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeNet } from '../../pipeline/ports/net.ts'
import { refusal } from '../helpers/refusal.ts'

const scan = suite('ports of a host')

// An address of the loopback that nothing else of a test run listens on.
const host = '127.91.7.3'
const { signal } = new AbortController()
const all = Array.from({ length: 65_535 }, (_, at) => at + 1)
const question = { host, atOnce: 512, timeoutMs: 1000, deadlineMs: 60_000, signal }

async function listening(port = 0): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  }
}

async function bound(onMessage: (socket: Socket, port: number, from: string) => void): Promise<Socket> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, host, resolve))
  socket.on('message', (_bytes, { port, address }) => onMessage(socket, port, address))
  return socket
}

scan('of all ports those that accept are told, in order', async () => {
  const [a, b] = [await listening(), await listening()]
  try {
    // A few thousand, for all take seconds; and not those that others may listen on.
    const around = (port: number) => all.filter((one) => Math.abs(one - port) < 1000)
    const ports = [...new Set([...around(a.port), ...around(b.port)])]
    const before = await nodeNet.openTcpPorts({ ...question, host: '127.91.7.4', ports })
    const open = await nodeNet.openTcpPorts({ ...question, ports })
    assert.equal(
      open.filter((port) => !before.includes(port)),
      [a.port, b.port].sort((x, y) => x - y),
    )
  } finally {
    await Promise.all([a.close(), b.close()])
  }
})

scan('what says nothing is not open, and a scan that takes too long is an error', async () => {
  // 192.0.2.0/24 is for documentation: no host has it, and no answer comes from there.
  const nowhere = { ...question, host: '192.0.2.77', ports: [1, 2, 3], timeoutMs: 200 }
  const quiet = nodeNet.openTcpPorts(nowhere).catch((cause: Error) => cause.message)
  // Without a network at all this machine says so.
  const answer = await quiet
  assert.ok(Array.isArray(answer) ? answer.length === 0 : /could not be asked/.test(String(answer)))
  const late = await refusal(nodeNet.openTcpPorts({ ...question, ports: all, atOnce: 1, deadlineMs: 50 }))
  assert.is(late.code, 'TOOL_FAILED')
  assert.match(late.message, /^the scan of 127\.91\.7\.3 did not end within 0\.05 s: \d+ of 65535/)
})

scan('a stop ends it', async () => {
  const stop = new AbortController()
  const scanning = refusal(nodeNet.openTcpPorts({ ...question, ports: all, atOnce: 4, signal: stop.signal }))
  setTimeout(() => stop.abort(), 20)
  assert.is((await scanning).code, 'INTERRUPTED')
})

scan('UDP ports answer, say that nobody is there, or stay silent', async () => {
  const payloads = [new Uint8Array([1])]
  const answering = await bound((socket, port, from) => socket.send('yes', port, from))
  let heard = 0
  const deaf = await bound(() => {
    heard += 1
  })
  const asked = (port: number) => nodeNet.askUdp({ host, port, payloads, timeoutMs: 400 })
  try {
    assert.is(await asked(answering.address().port), 'open')
    assert.is(await asked(deaf.address().port), 'silent')
    assert.is(heard, 2, 'it may have been lost: asked twice')
  } finally {
    deaf.close()
    answering.close()
  }
  assert.is(await asked(await nodeNet.freePort()), 'closed')
})

scan.run()
