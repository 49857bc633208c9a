import { execFileSync } from 'node:child_process'
import { chmod, cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { jsonLiteral } from '../../pipeline/core/render-template.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { renderedBundle } from '../../pipeline/stages/render.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { spoiled } from '../helpers/hostile.ts'
import { checkout, testWorld } from '../helpers/world.ts'

// Every text of a definition, replaced by something hostile: the schema refuses it, or it stays data wherever it is rendered.
const hostile = suite('hostile definition')

type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json }
type Path = readonly (string | number)[]

const example = {
  schema: 1,
  owner: 'team-platform',
  os: { family: 'debian', release: '13', arch: ['x86_64'] },
  base: { from: 'archive', maxAge: '90d' },
  content: {
    repos: [
      {
        name: 'corp',
        url: 'https://apt.corp.example/debian',
        suite: 'trixie',
        components: ['main'],
        key: 'files/corp.gpg',
      },
    ],
    packages: { add: ['nginx-light', 'chrony'], remove: ['telnet'] },
    files: [{ from: 'files/app.conf', to: '/etc/app/app.conf', mode: '0644', owner: 'root:root' }],
    certificates: ['files/ca.pem'],
    steps: [{ run: 'scripts/agent.sh', secrets: ['agent-token', 'licence'] }],
    ports: [22, 443],
  },
  secrets: { 'agent-token': { env: 'AGENT_TOKEN' }, licence: { file: 'licence.key' } },
  hardening: {
    profiles: ['baseline'],
    exceptions: [
      {
        control: 'ssh-tcp-forwarding',
        reason: 'this is a bastion host',
        owner: 'team-security',
        expires: '2027-03-31',
      },
    ],
  },
  disk: { size: '4G', layout: 'simple' },
  machine: { firmware: 'bios', secureBoot: false, tpm: false },
  test: [
    { run: 'nginx -t', exit: 0 },
    { http: ':443/healthz', https: false, status: 200 },
  ],
  scan: { policy: 'default' },
  targets: { qemu: {} },
  channels: {
    nightly: {},
    stable: {
      needs: { approvals: 1, soak: '48h' },
      share: { qemu: ['folder:/srv/golden', 'oci:reg.example/golden'] },
    },
  },
} as const satisfies Json

/** Other shapes of the parts that have several. */
const variants: readonly Json[] = [
  example,
  { ...example, base: { from: 'image', file: 'files/base.qcow2', maxAge: '90d' } },
  { ...example, base: { image: 'corp-base', channel: 'stable', maxAge: '90d' } },
  {
    ...example,
    content: {
      ...example.content,
      steps: [{ ansible: 'ansible/site.yml', secrets: ['agent-token', 'licence'] }],
    },
  },
]

/** Paths of all texts, and (with `#` at the end) of all keys of maps that people name things by. */
function textsOf(value: Json, path: Path = []): readonly Path[] {
  if (typeof value === 'string') return [path]
  if (typeof value !== 'object') return []
  const named = /^(?:secrets|channels)$/.test(path.join('.'))
    ? Object.keys(value).map((key) => [...path, key, '#'])
    : []
  return [...named, ...Object.entries(value).flatMap(([key, item]) => textsOf(item, [...path, key]))]
}

function at(value: Json, path: Path): Json | undefined {
  const [first, ...rest] = path
  if (first === undefined || first === '#') return value
  return typeof value === 'object' ? at((value as Record<string, Json>)[first] ?? '', rest) : undefined
}

/** A copy with another text (or key) there. */
function withText(value: Json, path: Path, text: string): Json {
  const [first, ...rest] = path
  if (first === undefined) return text
  if (Array.isArray(value)) {
    return value.map((item: Json, index) => (index === Number(first) ? withText(item, rest, text) : item))
  }
  return Object.fromEntries(
    Object.entries(value as Record<string, Json>).map(([key, item]) =>
      key !== first ? [key, item] : rest[0] === '#' ? [text, item] : [key, withText(item, rest, text)],
    ),
  )
}

const marker = '# --- no value is rendered below this line ---'
const body = (script: string): string => script.slice(script.indexOf(marker))
const header = (script: string): string => script.slice(0, script.indexOf(marker))
const text = (content: unknown): string =>
  typeof content === 'string' ? content : Buffer.from(content as Uint8Array).toString('latin1')
/** HCL without the literals that values are rendered to. */
const skeleton = (hcl: string): string => hcl.replace(/^(\s*\w+\s*=) ["[].*$/gm, '$1 …')

/** Runs a header in a shell that finds no program: what got out of its quotes would complain. */
function runHeader(script: string, cwd: string): void {
  const names = [...header(script).matchAll(/^([A-Z_]+)='/gm)].map(([, name]) => `"$${name}"`)
  execFileSync('/bin/sh', ['-eu'], {
    input: `${header(script)}\nprintf '%s' ${names.join(' ')} >/dev/null\n`,
    cwd,
    env: { PATH: '/nowhere' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** A checkout of its own: the real templates and controls, and one image with all that it names. */
async function hostileCheckout(world: World, folder: string): Promise<World> {
  const root = join(folder, 'checkout')
  const images = join(root, 'images')
  for (const name of ['files', 'scripts', 'ansible']) await mkdir(join(images, name), { recursive: true })
  await mkdir(join(root, 'scans'))
  for (const name of ['templates', 'hardening', 'scans/policies'])
    await symlink(join(checkout, name), join(root, name))
  await cp(join(checkout, 'images/debian-13.lock.json'), join(images, 'rich.lock.json'))
  await cp('/usr/share/keyrings/debian-archive-keyring.gpg', join(images, 'files/corp.gpg'))
  await writeFile(join(images, 'files/app.conf'), 'a = b\n')
  await writeFile(join(images, 'scripts/agent.sh'), '#!/bin/sh\necho agent\n')
  await chmod(join(images, 'scripts/agent.sh'), 0o755)
  await writeFile(join(images, 'ansible/site.yml'), '- hosts: all\n  tasks: []\n')
  // biome-ignore format: one option a line
  await world.exec.run([
    'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=corp', '-days', '3650',
    '-addext', 'basicConstraints=critical,CA:TRUE', '-keyout', join(folder, 'ca.key'), '-out', join(images, 'files/ca.pem'),
  ])
  return { ...world, places: { ...world.places, root } }
}

async function rendered(world: World, definition: Json): Promise<ReadonlyMap<string, string> | string> {
  await writeFile(join(world.places.root, 'images/rich.yaml'), jsonLiteral(definition))
  try {
    const { files } = await renderedBundle(world, 'rich', await loadDefinition(world, 'rich'), targets.qemu)
    return new Map([...files].map(([path, content]) => [path, text(content)]))
  } catch (cause) {
    if (cause instanceof MintmarkError && cause.code !== 'INTERNAL')
      return `${cause.code} ${cause.message} ${cause.lines.join(' ')}`
    throw cause
  }
}

hostile('the example is taken, and every text of it is visited', async () => {
  for (const definition of variants) Definition.parse(definition)
  assert.ok(textsOf(example).length >= 35)
  const test = await testWorld()
  try {
    const plain = await rendered(await hostileCheckout(test.world, test.folder), example)
    assert.ok(typeof plain !== 'string' && plain.size >= 9, String(plain))
  } finally {
    await test.close()
  }
})

hostile('each hostile text is refused by the schema, or stays data', async () => {
  const test = await testWorld()
  try {
    const { folder } = test
    const world = await hostileCheckout(test.world, folder)
    const empty = join(folder, 'empty')
    await mkdir(empty)
    const stayed = new Set<string>()
    for (const definition of variants) {
      const plain = await rendered(world, definition)
      for (const path of textsOf(definition)) {
        if (definition !== example && !/^(?:base|content\.steps)\b/.test(path.join('.'))) continue
        const key = path.at(-1) === '#'
        const good = key ? String(path.at(-2)) : String(at(definition, path))
        const where = path.join('.')
        const taken = fc
          .sample(spoiled(good), { numRuns: 300, seed: 11 })
          .map((bad) => withText(definition, path, bad))
          .filter((changed) => Definition.safeParse(changed).success)
        // Free text alone has many; each of the others that got through is rendered.
        for (const changed of taken.slice(0, 3)) {
          const files = await rendered(world, changed)
          if (typeof plain === 'string' || typeof files === 'string') {
            assert.match(String(files), /^(?:CONFIG_INVALID|LOCK_MISSING|NOT_FOUND|BASE_REFUSED) /, where)
            continue
          }
          stayed.add(where)
          assert.equal([...files.keys()], [...plain.keys()], `${where}: the same files`)
          for (const [name, content] of files) {
            const before = plain.get(name) ?? ''
            if (content === before) continue
            if (name.endsWith('.hcl')) assert.is(skeleton(content), skeleton(before), `${where} in ${name}`)
            else if (name.endsWith('.json')) JSON.parse(content)
            else {
              assert.ok(content.includes(marker), `${where} shows in ${name}, which has no header`)
              assert.is(body(content), body(before), `${where} in ${name}`)
              execFileSync('/bin/sh', ['-n'], { input: content })
              runHeader(content, empty)
            }
          }
        }
      }
    }
    assert.equal(await world.files.list(empty), [])
    assert.ok(stayed.size >= 8, `few fields were rendered at all: ${[...stayed].join(' ')}`)
  } finally {
    await test.close()
  }
})

hostile('free text is all that may hold more than plain words', () => {
  const free = new Set<string>()
  for (const definition of variants) {
    for (const path of textsOf(definition)) {
      const good = path.at(-1) === '#' ? String(path.at(-2)) : String(at(definition, path))
      const held = fc
        .sample(spoiled(good), { numRuns: 300, seed: 5 })
        .filter((bad) => Definition.safeParse(withText(definition, path, bad)).success)
      // Letters, digits and the few signs that mean nothing to a shell, HCL, YAML, apt or a terminal.
      if (held.some((bad) => !/^[A-Za-z0-9@._+:/%,=~[\]-]*$/.test(bad))) free.add(path.join('.'))
      for (const bad of held) {
        assert.not.match(bad.replace(/[\n\t]/g, ''), /[\p{Cs}\p{Cc}\u2028\u202e\u2066]/u, path.join('.'))
        if (
          !/^(?:base\.file|secrets\.licence\.file|test\.0\.run|hardening\.exceptions\.0\.reason)$/.test(
            path.join('.'),
          )
        ) {
          assert.not.match(bad, /^-/, path.join('.'))
        }
      }
    }
  }
  assert.equal([...free].sort(), [
    'base.file',
    'hardening.exceptions.0.reason',
    'secrets.licence.file',
    'test.0.run',
    'test.1.http',
  ])
})

hostile.run()
