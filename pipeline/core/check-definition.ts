import { firstChannel } from '../model/channel.ts'
import type { Definition } from '../model/definition.ts'
import { checkAws } from './check-aws.ts'
import { checkForManager } from './check-packages.ts'
import { suggestion, unknownTeam } from './did-you-mean.ts'
import { whyOwned } from './owned-places.ts'
import { repeated, twice } from './repeated.ts'
import type { Finding } from './schema-findings.ts'

export interface DefinitionContext {
  /** The definition's own name. */
  readonly image: string
  /** Teams that may own something; null when any team may. */
  readonly teams: readonly string[] | null
  /** Policies that there are; null when that can't be told. */
  readonly policies: readonly string[] | null
}

/** Names of the files that the distributions keep among the sources, and of their own repositories. */
const systemRepos = [
  'debian',
  'debian-security',
  'ubuntu',
  'ubuntu-security',
  'amazonlinux',
  'baseos',
  'appstream',
  'extras',
]

function checkSecrets({ content: { steps }, secrets }: Definition): readonly Finding[] {
  const declared = Object.keys(secrets)
  const used = new Set(steps.flatMap((step) => step.secrets))
  return [
    ...steps.flatMap((step, index) => [
      ...twice(['content', 'steps', index, 'secrets'], step.secrets),
      ...step.secrets.flatMap((name, at): readonly Finding[] => {
        if (declared.includes(name)) return []
        const variable = name.toUpperCase().replaceAll('-', '_')
        const meant = suggestion(name, declared)
        return [
          {
            path: ['content', 'steps', index, 'secrets', at],
            text: `is "${name}", which is not declared${meant === '' ? `: add to secrets: ${name}: {env: ${variable}}` : meant}`,
          },
        ]
      }),
    ]),
    ...declared
      .filter((name) => !used.has(name))
      .map((name) => ({
        path: ['secrets', name],
        atKey: true,
        text: `is used by no step: remove it, or name it in the step that needs it: secrets: [${name}]`,
      })),
  ]
}

function checkFiles({ content: { files } }: Definition): readonly Finding[] {
  const places = files.map(({ to }) => to)
  return [
    ...repeated(places, (place) => place).map(({ name, index, first }) => ({
      path: ['content', 'files', index, 'to'],
      text: `is "${name}", where content.files.${first} goes already: keep one of the two`,
    })),
    ...places.flatMap((place, index): readonly Finding[] => {
      const path = ['content', 'files', index, 'to']
      const why = whyOwned(place)
      if (why !== null) return [{ path, text: `is "${place}", where no file can go: ${why}` }]
      const above = places.find((other) => place.startsWith(`${other}/`))
      return above === undefined
        ? []
        : [{ path, text: `is "${place}", which is below another file of this list, "${above}"` }]
    }),
  ]
}

function checkRepos({ content: { repos } }: Definition): readonly Finding[] {
  return [
    ...repeated(repos, ({ name }) => name).map(({ name, index, first }) => ({
      path: ['content', 'repos', index, 'name'],
      text: `is "${name}", which content.repos.${first} has already: give it another name`,
    })),
    ...repos.flatMap(({ name }, index) =>
      systemRepos.includes(name)
        ? [
            {
              path: ['content', 'repos', index, 'name'],
              text: `is "${name}", which is the name of one of the system's own: give it another name`,
            },
          ]
        : [],
    ),
  ]
}

function checkPorts({ content: { ports }, test }: Definition): readonly Finding[] {
  const findings: Finding[] = [...twice(['content', 'ports'], ports)]
  if (!ports.includes(22))
    findings.push({
      path: ['content', 'ports'],
      text: `is [${ports.join(', ')}], without 22: nobody could log in, and the tests neither; add 22`,
    })
  for (const [index, item] of test.entries()) {
    if (!('http' in item)) continue
    const port = Number(/^:([0-9]+)/.exec(item.http)?.[1])
    if (!ports.includes(port))
      findings.push({
        path: ['test', index, 'http'],
        text: `asks port ${port}, which the image's firewall closes: add ${port} to content.ports`,
      })
  }
  return findings
}

function checkPackages({ content: { packages, certificates } }: Definition): readonly Finding[] {
  return [
    ...twice(['content', 'packages', 'add'], packages.add),
    ...twice(['content', 'packages', 'remove'], packages.remove),
    ...twice(['content', 'certificates'], certificates),
    ...packages.remove.flatMap((name, index) =>
      packages.add.includes(name)
        ? [
            {
              path: ['content', 'packages', 'remove', index],
              text: `is "${name}", which content.packages.add has too: keep one of the two`,
            },
          ]
        : [],
    ),
  ]
}

function checkOwners(definition: Definition, teams: readonly string[] | null): readonly Finding[] {
  const owners = [
    { path: ['owner'], owner: definition.owner },
    ...definition.hardening.exceptions.map(({ owner }, index) => ({
      path: ['hardening', 'exceptions', index, 'owner'],
      owner,
    })),
  ]
  return owners.flatMap(({ path, owner }) => {
    const text = unknownTeam(owner, teams)
    return text === null ? [] : [{ path, text }]
  })
}

function checkMachine(definition: Definition, image: string): readonly Finding[] {
  const { base, os, machine, hardening } = definition
  const findings: Finding[] = [...twice(['os', 'arch'], os.arch)]
  for (const [index, arch] of os.arch.entries())
    if (arch !== 'x86_64')
      findings.push({
        path: ['os', 'arch', index],
        text: `is "${arch}", which the target qemu does not build in this version: write arch: [x86_64]`,
      })
  if ('from' in base && base.from === 'archive' && os.family !== 'debian')
    findings.push({
      path: ['base', 'from'],
      text: `is "archive", which is for os.family debian, not ${os.family}: write from: image, for the publisher's cloud image`,
    })
  if ('image' in base && base.image === image)
    findings.push({
      path: ['base', 'image'],
      text: `is "${image}", this image itself: name another image, or write from: archive`,
    })
  for (const field of ['secureBoot', 'tpm'] as const)
    if (machine[field] && machine.firmware !== 'uefi')
      findings.push({
        path: ['machine', field],
        text: `is true, which needs machine.firmware uefi and finds ${machine.firmware}: write firmware: uefi`,
      })
  for (const { name, index, first } of repeated(hardening.exceptions, ({ control }) => control))
    findings.push({
      path: ['hardening', 'exceptions', index, 'control'],
      text: `is "${name}", which hardening.exceptions.${first} is for already: keep one of the two`,
    })
  return findings
}

function checkPolicy(
  { scan: { policy } }: Definition,
  policies: readonly string[] | null,
): readonly Finding[] {
  if (policies === null || policies.includes(policy)) return []
  return [
    {
      path: ['scan', 'policy'],
      text: `is "${policy}", and there is no scans/policies/${policy}.yaml${suggestion(policy, policies, `: name one of ${policies.join(', ')}`)}`,
    },
  ]
}

function checkChannels({ channels }: Definition): readonly Finding[] {
  const needs: readonly Finding[] =
    channels[firstChannel]?.needs === undefined
      ? []
      : [
          {
            path: ['channels', firstChannel, 'needs'],
            text: `is not for ${firstChannel}, which takes every release: name another channel, e.g. stable`,
            atKey: true,
          },
        ]
  return [
    ...needs,
    ...Object.entries(channels).flatMap(([name, { share }]) => [
      ...twice(['channels', name, 'share', 'qemu'], share.qemu),
      ...twice(['channels', name, 'share', 'aws'], share.aws),
    ]),
  ]
}

/** What is wrong in a definition that fits the schema, as far as it can be told without any other file. */
export const checkDefinition = (
  definition: Definition,
  { image, teams, policies }: DefinitionContext,
): readonly Finding[] => [
  ...checkOwners(definition, teams),
  ...checkPolicy(definition, policies),
  ...checkMachine(definition, image),
  ...checkRepos(definition),
  ...checkPackages(definition),
  ...checkForManager(definition),
  ...checkFiles(definition),
  ...checkSecrets(definition),
  ...checkPorts(definition),
  ...checkChannels(definition),
  ...checkAws(definition),
]
