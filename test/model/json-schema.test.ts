import { readdirSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseDocument } from 'yaml'
import * as z from 'zod'
import { putWaiver } from '../../pipeline/core/edit-waivers.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import { ReleaseEvent } from '../../pipeline/model/event.ts'
import { Policy, WaiverFile } from '../../pipeline/model/gate.ts'
import { RecordPredicate } from '../../pipeline/model/release.ts'
import { appendEvent } from '../../pipeline/stages/events.ts'
import { imageNames } from '../../pipeline/stages/load-definition.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { rescanned } from '../helpers/events.ts'
import { waiver as waiverOf } from '../helpers/gate-input.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { textOf } from '../helpers/sources.ts'
import { checkout, testWorld } from '../helpers/world.ts'

const schema = suite('json-schema')

/** What editors check a file by, as it is written: fields with a default may stay out. */
const schemaText = (title: string, model: z.ZodType): string =>
  `${JSON.stringify({ title, ...z.toJSONSchema(model, { io: 'input' }) }, null, 2)}\n`

const text = schemaText(
  'Mintmark image definition',
  Definition.meta({ description: 'images/NAME.yaml: one golden image. Unknown fields are refused.' }),
)
const waivers = schemaText(
  'Mintmark waivers',
  WaiverFile.meta({ description: 'scans/waivers/TEAM.yaml: findings that a team answers for, for a time.' }),
)
const policies = schemaText(
  'Mintmark scan policy',
  Policy.meta({ description: 'scans/policies/NAME.yaml: what the gate rejects.' }),
)
const records = schemaText(
  'Mintmark record',
  RecordPredicate.meta({
    description: 'What a release is: the predicate https://mintmark.dev/record/v1 of an in-toto statement.',
  }),
)
const events = schemaText(
  'Mintmark event',
  ReleaseEvent.meta({
    description:
      'What happened to a release later: the predicate https://mintmark.dev/event/v1 of an in-toto statement.',
  }),
)
const written = [
  ['images/schema.json', text],
  ['scans/waivers/schema.json', waivers],
  ['scans/policies/schema.json', policies],
  ['scans/record.schema.json', records],
  ['scans/event.schema.json', events],
] as const

for (const [path, wanted] of written) {
  schema(`${path} is the schema of its folder's files (npm run schema writes it)`, async () => {
    const at = join(checkout, path)
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(at, wanted)
    assert.ok((await readFile(at, 'utf8')) === wanted, `${path} is not current: npm run schema`)
  })
}

schema('a validator that is not ours takes our policies and waivers, and no misspelt ones', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const policy = ajv.compile(JSON.parse(policies))
  for (const name of ['default', 'strict'])
    assert.ok(policy(parseDocument(textOf(`scans/policies/${name}.yaml`)).toJS()), name)
  assert.not.ok(policy({ schema: 1, title: 'x' }))
  const waiver = ajv.compile(JSON.parse(waivers))
  assert.ok(waiver(parseDocument(putWaiver(null, waiverOf()).text).toJS()))
  for (const name of ['keys-misspelt', 'values', 'no-list', 'newer'])
    assert.not.ok(waiver(parseDocument(textOf(`test/golden/waivers/${name}.yaml`)).toJS()), name)
})

schema(
  "a validator that is not ours takes a release's record, its events, and none with another word",
  async () => {
    const box = await testWorld()
    try {
      await fixtureRelease(box.world)
      const release = await findRelease(box.world, 'debian-13')
      const stored = await appendEvent(box.world, release, { trust: [], onlyTrust: false }, async () =>
        rescanned(1),
      )
      const ajv = new Ajv2020({ strict: false, validateFormats: false })
      const record = ajv.compile(JSON.parse(records))
      const { predicate } = JSON.parse(Buffer.from(release.payload).toString()) as { predicate: object }
      assert.ok(record(predicate), JSON.stringify(record.errors))
      assert.not.ok(record({ ...predicate, more: 1 }))
      const event = ajv.compile(JSON.parse(events))
      assert.ok(event(stored?.event), JSON.stringify(event.errors))
      assert.not.ok(event({ ...stored?.event, kind: 'released' }))
    } finally {
      await box.close()
    }
  },
)

schema(
  'no object of it takes a field that it does not know, and each field of the top says what it is',
  () => {
    const open: string[] = []
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return
      const { type, additionalProperties } = node as { type?: unknown; additionalProperties?: unknown }
      if (type === 'object' && (additionalProperties === undefined || additionalProperties === true))
        open.push(path)
      for (const [key, value] of Object.entries(node)) walk(value, `${path}/${key}`)
    }
    const parsed = JSON.parse(text) as {
      readonly required: readonly string[]
      readonly properties: Readonly<Record<string, { readonly description?: string }>>
    }
    for (const [, item] of written) walk(JSON.parse(item), '')
    assert.equal(open, [])
    assert.equal(
      Object.entries(parsed.properties).flatMap(([name, field]) =>
        field.description === undefined ? [name] : [],
      ),
      [],
    )
    assert.equal(parsed.required, ['schema', 'owner', 'os', 'base', 'hardening', 'targets'])
  },
)

/** Refused by the checks that look at several fields at once, or by the text itself, which a schema does not see. */
const beyond: readonly string[] = [
  'base-archive-for-ubuntu',
  'base-image-itself',
  'certificates-twice',
  'channels-nightly-needs',
  'channels-share-aws-twice',
  'channels-share-twice',
  'files-owned-places',
  'files-same-place',
  'files-to-dots',
  'hardening-exception-twice',
  'machine-secure-boot',
  'machine-tpm',
  'many-problems',
  'os-arch-aarch64',
  'os-arch-twice',
  'owner-not-a-team-of-ours',
  'packages-added-and-removed',
  'packages-of-rpm',
  'packages-twice',
  'ports-twice',
  'ports-without-ssh',
  'repos-name-of-rocky',
  'repos-name-of-the-system',
  'repos-suite-for-dnf',
  'repos-suite-missing',
  'scan-policy',
  'secrets-misspelt',
  'steps-secret-not-declared',
  'test-http-port',
  'yaml-anchor-alias',
  'yaml-bom',
  'yaml-directive',
  'yaml-tag',
]

schema('a validator that is not ours accepts our definitions and refuses the spoiled ones', async () => {
  const accepts = new Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(text))
  const { world, close } = await testWorld()
  try {
    for (const name of await imageNames(world))
      assert.ok(accepts(parseDocument(textOf(`images/${name}.yaml`)).toJS()), name)
  } finally {
    await close()
  }
  const folder = join(checkout, 'test/golden/definitions')
  const accepted: string[] = []
  for (const name of readdirSync(folder).filter((item) => item.endsWith('.yaml'))) {
    const document = parseDocument(readFileSync(join(folder, name), 'utf8'), { logLevel: 'error' })
    if (document.errors.length > 0 || document.warnings.length > 0) continue
    if (accepts(document.toJS())) accepted.push(name.slice(0, -'.yaml'.length))
  }
  assert.equal(accepted.sort(), beyond)
})

schema('each definition names it, and it is taken for no definition', async () => {
  const { world, close } = await testWorld()
  try {
    const names = await imageNames(world)
    assert.not.ok(names.includes('schema'))
    for (const name of names)
      assert.match(textOf(`images/${name}.yaml`), /^# yaml-language-server: \$schema=schema\.json\n/)
  } finally {
    await close()
  }
})

schema.run()
