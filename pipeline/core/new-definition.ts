import * as z from 'zod'
import { DiskSize, PackageName, Port } from '../model/definition.ts'
import { ControlOs } from '../model/hardening.ts'
import { ControlId, ImageName, TeamName } from '../model/ids.ts'
import { systems } from './systems.ts'

const channel = '[a-z0-9]+(?:-[a-z0-9]+)*'

/** What `init` is told, by the flags' names. */
export const NewImage = z.strictObject({
  name: ImageName,
  os: ControlOs,
  /** `archive`, `image` or IMAGE@CHANNEL. */
  base: z
    .string()
    .max(101)
    .regex(
      new RegExp(`^(?:archive|image|[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*@${channel})$`),
      'archive, image, or an image of yours like corp-base@stable',
    )
    .refine((base) => {
      const [image = '', pointer = ''] = base.split('@')
      return !base.includes('@') || (ImageName.safeParse(image).success && pointer.length <= 40)
    }, 'an image of yours like corp-base@stable'),
  owner: TeamName,
  packages: z.array(PackageName),
  /** Besides 22. */
  ports: z.array(Port),
  profile: ControlId,
  layout: z.enum(['simple', 'cis']),
  size: DiskSize,
})
export type NewImage = z.infer<typeof NewImage>

function baseOf(base: string): string {
  const [image, pointer] = base.split('@')
  return pointer === undefined
    ? `{from: ${base}, maxAge: 90d}`
    : `{image: ${image}, channel: ${pointer}, maxAge: 90d}`
}

/** A plain word that YAML would read as a number, a boolean or null stands in quotes. */
const word = (text: string): string =>
  /^[0-9.+-]|^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text) ? JSON.stringify(text) : text

/** The text of `images/<name>.yaml`, with comments. */
export function newDefinition(told: NewImage): string {
  const { family, release } = systems[told.os]
  const ports = [22, ...new Set(told.ports.filter((port) => port !== 22))]
  const packages = [...new Set(told.packages)].map(word)
  return `# yaml-language-server: $schema=schema.json
# ${told.name}: say here what it is for and who uses it.
schema: 1

# The team that answers for it; never a person.
owner: ${word(told.owner)}

os: {family: ${family}, release: "${release}", arch: [x86_64]}

# archive: bootstrapped from the distribution's signed archive. image: the publisher's cloud image.
# {image: NAME, channel: nightly}: on top of another image of yours. A release refuses a base older than maxAge.
base: ${baseOf(told.base)}

content:
  packages: {add: [${packages.join(', ')}], remove: []}
  # TCP ports that the image answers on; all others are closed. Without 22 nobody could log in.
  ports: [${ports.join(', ')}]
  # Files lie below images/:
  # files: [{from: files/nginx.conf, to: /etc/nginx/nginx.conf, mode: "0644"}]
  # steps: [{run: scripts/agent.sh, secrets: [agent-token]}]

# Where a secret's value comes from at build time; it is never in the image.
# secrets: {agent-token: {env: AGENT_TOKEN}}

# ./mintmark coverage lists the controls, ./mintmark explain CONTROL says what one does.
hardening:
  profiles: [${word(told.profile)}]
  exceptions: []
  # exceptions: [{control: ssh-tcp-forwarding, reason: this is a bastion host, owner: team-security, expires: 2027-03-31}]

# layout cis: separate file systems for /var, /var/log, /home and the like.
disk: {size: ${told.size}, layout: ${told.layout}}
machine: {firmware: bios}

# Tests of your own, in the booted image:
# test: [{run: "systemctl is-active nginx"}, {http: ":443/healthz", https: true}]

scan: {policy: default}
targets: {qemu: {}}

# Each release goes to nightly by itself; into another channel by ./mintmark promote, once it has what that channel needs.
channels: {nightly: {}}
# channels: {stable: {needs: {approvals: 1, soak: 48h}, share: {qemu: [folder:/srv/golden]}}}
`
}
