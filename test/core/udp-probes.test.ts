import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commonUdpPorts, commonUdpProbes, udpPortText, udpProbesFor } from '../../pipeline/core/udp-probes.ts'

const probes = suite('udp probes')

probes('are of distinct ports in order, and fit into one frame', () => {
  assert.ok(commonUdpPorts.length >= 40)
  assert.equal(
    [...new Set(commonUdpPorts)].sort((a, b) => a - b),
    commonUdpPorts,
  )
  for (const { port, name, payloads } of commonUdpProbes('192.0.2.2')) {
    assert.ok(name !== '', String(port))
    assert.ok(payloads.length > 0, name)
    for (const payload of payloads) assert.ok(payload.length > 0 && payload.length <= 1472, name)
  }
})

probes('have the lengths that their protocols write in them', () => {
  const payload = (port: number): Uint8Array =>
    udpProbesFor('192.0.2.2', [port])[0]?.payloads[0] ?? new Uint8Array()
  const view = (port: number): DataView => {
    const bytes = payload(port)
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  assert.is(view(500).getUint32(24), payload(500).length, 'IKE')
  assert.is(view(1701).getUint16(2), payload(1701).length, 'L2TP')
  for (const port of [161, 389]) assert.is(view(port).getUint8(1), payload(port).length - 2, `BER of ${port}`)
  for (const discovery of udpProbesFor('192.0.2.2', [161])[0]?.payloads ?? [])
    assert.is(discovery[1], discovery.length - 2, 'SNMP')
  assert.is(payload(443).length, 1200, 'QUIC')
  assert.is(payload(67).length, 244, 'DHCP')
})

probes('any other port is asked too', () => {
  const [probe] = udpProbesFor('192.0.2.2', [40_000])
  assert.is(probe?.name, '')
  assert.is(probe?.payloads.length, 1)
  assert.equal([udpPortText(1900), udpPortText(40_000)], ['1900 (ssdp)', '40000'])
})

probes.run()
