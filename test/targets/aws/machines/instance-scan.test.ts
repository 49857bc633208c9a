import { CreateSecurityGroupCommand, DescribeSecurityGroupsCommand } from '@aws-sdk/client-ec2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Net } from '../../../../pipeline/ports/net.ts'
import { awsCalls } from '../../../../pipeline/targets/aws/client.ts'
import { scanOf } from '../../../../pipeline/targets/aws/machines/instance-scan.ts'
import type { PortScan } from '../../../../pipeline/targets/instance.ts'
import { withStandIn } from '../../../cloud/under-test.ts'
import { refusal } from '../../../helpers/refusal.ts'
import { testWorld } from '../../../helpers/world.ts'

// The group is a real one of the stand-in; it filters nothing there, so that who answers when is made up here.
const scanning = suite("ports of an instance's group")
const { ec2 } = withStandIn(scanning)
const from = ['198.51.100.7/32', '2001:db8::7/128']
let names = 0

interface Answering {
  /** TCP ports that accept; `whole`: all ports of the group are open at that moment; with the seconds since the scan began. */
  readonly tcp?: (whole: boolean, seconds: number) => readonly number[]
  readonly udp?: (port: number, whole: boolean, seconds: number) => 'open' | 'closed' | 'silent'
}

async function withScan(
  answering: Answering,
  work: (scan: PortScan, rules: () => Promise<readonly string[]>) => Promise<void>,
): Promise<void> {
  const test = await testWorld()
  const calls = awsCalls({ region: 'us-east-1', signal: test.world.signal })
  names += 1
  const made = await ec2().send(
    new CreateSecurityGroupCommand({ GroupName: `scan-${names}`, Description: 'of a test' }),
  )
  const group = made.GroupId ?? ''
  const rules = async (): Promise<readonly string[]> => {
    const asked = new DescribeSecurityGroupsCommand({ GroupIds: [group] })
    const [found] = (await ec2().send(asked)).SecurityGroups ?? []
    return (found?.IpPermissions ?? []).map(
      (rule) => `${rule.IpProtocol} ${rule.FromPort}-${rule.ToPort} ${rule.IpRanges?.[0]?.CidrIp}`,
    )
  }
  const whole = async (protocol: string): Promise<boolean> =>
    (await rules()).includes(`${protocol} 0-65535 198.51.100.7/32`)
  // A clock that passes by itself.
  const began = Date.parse('2026-11-22T03:00:00Z')
  let now = began
  const clock = {
    now: () => new Date(now),
    sleep: async (ms: number) => {
      now += ms
    },
  }
  const seconds = (): number => (now - began) / 1000
  const real = test.world.net
  if (real === undefined) throw new Error('the test world has sockets')
  const net: Net = {
    ...real,
    openTcpPorts: async ({ ports }) => {
      const open = answering.tcp?.(await whole('tcp'), seconds()) ?? []
      return ports.filter((port) => open.includes(port))
    },
    askUdp: async ({ port }) => answering.udp?.(port, await whole('udp'), seconds()) ?? 'silent',
  }
  const world = { ...test.world, clock }
  try {
    const scan = scanOf({ world, net, calls, group, from, always: [22], address: () => '198.51.100.9' })
    await work(scan, rules)
  } finally {
    calls.close()
    await test.close()
  }
}

scanning('all ports are open to the caller alone, and only while they are asked', () =>
  withScan({ tcp: (whole) => (whole ? [22, 8080] : [22]) }, async (scan, rules) => {
    assert.equal(await scan.openTcpPorts([21, 22, 8080, 9090]), [22, 8080])
    assert.equal(await rules(), [])
  }),
)

scanning('a group takes some seconds to open: no port is asked before', () =>
  withScan({ tcp: (whole, seconds) => (whole && seconds > 15 ? [111] : []) }, async (scan) =>
    assert.equal(await scan.openTcpPorts([111]), [111]),
  ),
)

scanning('nor a port of UDP', () =>
  withScan({ udp: (_port, whole, seconds) => (whole && seconds > 15 ? 'open' : 'silent') }, async (scan) =>
    assert.equal((await scan.openUdpPorts([111])).open, [111]),
  ),
)

scanning('a group takes some seconds to shut: what answers for that long is still the instance', async () => {
  let asked = 0
  const slow = (): readonly number[] => {
    asked += 1
    return asked < 4 ? [8080] : []
  }
  await withScan({ tcp: slow }, async (scan) => assert.equal(await scan.openTcpPorts([8080]), [8080]))
})

scanning(
  'where something on the way answers for an instance whose group is shut, its ports are unknown',
  () =>
    withScan(
      { tcp: (whole) => (whole ? [22, 25, 8080] : [22, 25]), udp: () => 'open' },
      async (scan, rules) => {
        const tcp = await refusal(scan.openTcpPorts([22, 25, 8080]))
        assert.is(tcp.code, 'TOOL_FAILED')
        assert.match(tcp.message, /^something between this machine and 198\.51\.100\.9 .*: 25$/)
        const told = { listening: [22, 8080] }
        assert.equal(await scan.openTcpPorts([22, 25, 8080], told), [22, 8080], 'nobody listens at 25')
        const mail = { listening: [22, 25] }
        assert.match((await refusal(scan.openTcpPorts([22, 25], mail))).message, /: 25$/)
        const udp = await refusal(scan.openUdpPorts([53]))
        assert.is(udp.code, 'TOOL_FAILED')
        assert.match(udp.message, /: 53$/)
        assert.equal(await rules(), [])
      },
    ),
)

scanning('UDP ports are told apart by how they answer', () =>
  withScan(
    {
      udp: (port, whole) => (!whole ? 'silent' : port === 161 ? 'open' : port === 53 ? 'closed' : 'silent'),
    },
    async (scan) => {
      assert.equal(await scan.openUdpPorts([161, 123, 53, 53]), {
        open: [161],
        closed: [53],
        silent: [123],
      })
    },
  ),
)

scanning('a scan that fails shuts the group too', () =>
  withScan(
    {
      tcp: () => {
        throw new Error('too many files')
      },
    },
    async (scan, rules) => {
      await refusal(scan.openTcpPorts([1])).catch(() => undefined)
      assert.equal(await rules(), [])
    },
  ),
)

scanning.run()
