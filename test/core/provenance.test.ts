import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { parseEnvelope } from '../../pipeline/core/dsse.ts'
import { parseProvenance, provenanceOf, provenancePayload } from '../../pipeline/core/provenance.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { RecordPredicate } from '../../pipeline/model/release.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

interface Context {
  box: TestWorld
  record: RecordPredicate
  stored: string
}

const it = suite<Context>('provenance')

it.before(async (context) => {
  context.box = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  const { world } = context.box
  await fixtureRelease(world)
  context.record = (await findRelease(world, 'debian-13')).statement.predicate
  const digest = context.record.reports['provenance']?.sha256 ?? ''
  context.stored = Buffer.from(await world.catalog.getBlob(digest)).toString()
})
it.after(({ box }) => box.close())

/** Fields of SLSA's provenance v1 and of in-toto's statement v1 and resource descriptor, by their published names. */
const published: Readonly<Record<string, readonly string[]>> = {
  '': ['_type', 'predicate', 'predicateType', 'subject'],
  predicate: ['buildDefinition', 'runDetails'],
  'predicate.buildDefinition': [
    'buildType',
    'externalParameters',
    'internalParameters',
    'resolvedDependencies',
  ],
  'predicate.runDetails': ['builder', 'byproducts', 'metadata'],
  'predicate.runDetails.builder': ['builderDependencies', 'id', 'version'],
  'predicate.runDetails.metadata': ['finishedOn', 'invocationId', 'startedOn'],
}
const resource = ['annotations', 'content', 'digest', 'downloadLocation', 'mediaType', 'name', 'uri']

const at = (value: unknown, path: string): unknown =>
  path === ''
    ? value
    : path
        .split('.')
        .reduce<unknown>(
          (node, part) => (node as Readonly<Record<string, unknown>> | undefined)?.[part],
          value,
        )

it("has SLSA's and in-toto's fields, and no others", ({ stored }) => {
  const statement: unknown = JSON.parse(Buffer.from(parseEnvelope(stored).payload).toString())
  for (const [path, fields] of Object.entries(published)) {
    const found = Object.keys(at(statement, path) as object)
    assert.equal(
      found.filter((name) => !fields.includes(name)),
      [],
      path,
    )
  }
  assert.is(at(statement, '_type'), 'https://in-toto.io/Statement/v1')
  assert.is(at(statement, 'predicateType'), 'https://slsa.dev/provenance/v1')
  const lists = [
    'predicate.buildDefinition.resolvedDependencies',
    'predicate.runDetails.byproducts',
    'subject',
  ]
  for (const path of lists)
    for (const item of at(statement, path) as readonly object[]) {
      assert.equal(
        Object.keys(item).filter((name) => !resource.includes(name)),
        [],
      )
      assert.ok('digest' in item && Object.keys(item.digest as object).length === 1)
    }
})

it('says what the record says: image, definition, base, source, tools, run, SBOM', ({ record, stored }) => {
  const { subject, predicate } = parseProvenance(parseEnvelope(stored).payload)
  assert.equal(subject, [
    { name: 'debian-13-1.0.0-qemu-x86_64.qcow2', digest: { sha256: record.artifact.sha256 } },
  ])
  const { externalParameters, internalParameters, resolvedDependencies } = predicate.buildDefinition
  assert.equal(externalParameters, {
    image: 'debian-13',
    version: '1.0.0',
    target: 'qemu',
    arch: 'x86_64',
    definition: record.source.definition,
  })
  assert.equal(internalParameters, { bundle: record.source.bundle, run: 'r-1' })
  const named = resolvedDependencies.map((item) => item.name)
  assert.equal(
    named.filter((name) => name !== 'source'),
    ['debian trixie InRelease', 'debian trixie-security InRelease', 'trivy'],
  )
  const { builder, metadata, byproducts } = predicate.runDetails
  assert.is(builder.id, 'https://mintmark.dev/builder/own-machine/v1')
  assert.is(metadata.invocationId, 'debian-13/r-1')
  assert.is(metadata.startedOn, '2026-11-22T03:00:00.000Z')
  assert.equal(byproducts, [
    { name: 'cyclonedx', digest: { sha256: record.reports['cyclonedx']?.sha256 ?? '' } },
  ])
})

it('names pinned tools by their digests, the commit, and other kinds of bases', ({ record }) => {
  const digest = 'ab'.repeat(32)
  const commit = 'cd'.repeat(20)
  const source = { ...record.source, commit, dirty: true }
  const tools = { packer: `1.11.2 sha256:${digest}`, qemu: '7.2.22' }
  const dependencies = (more: Partial<RecordPredicate>) =>
    provenanceOf({ ...record, source, tools, ...more })?.predicate.buildDefinition.resolvedDependencies ?? []
  const plain = dependencies({})
  assert.equal(
    plain.find((item) => item.name === 'packer'),
    { name: 'packer', digest: { sha256: digest }, annotations: { version: '1.11.2' } },
  )
  assert.is(
    plain.find((item) => item.name === 'qemu'),
    undefined,
  )
  assert.equal(
    plain.find((item) => item.name === 'source'),
    { name: 'source', digest: { gitCommit: commit }, annotations: { dirty: 'true' } },
  )
  const { id, release, version, arch } = record.base
  const common = { id, release, version, arch, diskSha256: digest, distribution: 'debian' }
  const image = dependencies({
    base: {
      ...common,
      from: 'image',
      codename: 'trixie',
      publisher: 'debian',
      name: 'debian-13-generic.qcow2',
      url: 'https://cloud.debian.org/images/debian-13-generic.qcow2',
      checksums: { name: 'SHA512SUMS', sha256: digest },
      signature: null,
      built: '2026-11-01T00:00:00.000Z',
    },
  })
  assert.equal(image.slice(0, 2), [
    {
      name: 'debian-13-generic.qcow2',
      uri: 'https://cloud.debian.org/images/debian-13-generic.qcow2',
      digest: { sha256: digest },
      annotations: { publisher: 'debian' },
    },
    { name: 'SHA512SUMS', digest: { sha256: digest } },
  ])
  const parent = dependencies({
    base: {
      ...common,
      from: 'parent',
      image: 'corp-base',
      imageVersion: '1.2.0',
      channel: 'stable',
      record: digest,
      anchored: true,
      artifact: digest,
      created: '2026-11-01T00:00:00.000Z',
      ancestry: [],
    },
  })
  assert.equal(
    parent.slice(0, 2).map((item) => item.name),
    ['corp-base@1.2.0', 'record of corp-base@1.2.0'],
  )
})

it('is the very bytes that are made of the record again', ({ record, stored }) => {
  const again = provenanceOf(record)
  assert.ok(again !== null)
  assert.ok(Buffer.from(provenancePayload(again)).equals(parseEnvelope(stored).payload))
  const { builder: _builder, ...old } = record
  assert.is(provenanceOf(old), null)
})

it('what the build type v1 says is never changed: stored provenance is verified by it', ({ record }) => {
  const digest = 'ab'.repeat(32)
  const suite = {
    suite: 'trixie',
    codename: 'trixie',
    version: '13.7',
    date: '2026-09-12T09:44:18.000Z',
    validUntil: null,
    inRelease: digest,
    signedBy: ['4CB50190207B4758A3F73A796ED0E7B82643E131'],
  }
  if (record.base.from !== 'archive') throw new Error('the fixture has another base')
  const frozen = provenanceOf({
    ...record,
    run: 'r-1',
    artifact: { ...record.artifact, sha256: digest },
    source: { commit: 'cd'.repeat(20), dirty: false, definition: digest, bundle: digest },
    base: { ...record.base, suites: [suite] },
    tools: { packer: `1.11.2 sha256:${digest}` },
    scan: { ...record.scan, trivy: { version: '0.70.0', sha256: digest } },
    reports: { cyclonedx: { sha256: digest, bytes: 1 }, spdx: { sha256: digest, bytes: 1 } },
    builder: {
      id: 'https://mintmark.dev/builder/own-machine/v1',
      version: '0.1.0',
      started: '2026-11-22T03:00:00.000Z',
      finished: '2026-11-22T03:04:00.000Z',
    },
  })
  assert.ok(frozen !== null)
  assert.is(
    sha256(provenancePayload(frozen)),
    '3ca9908fa353bcabf94b0e1ac3ae6f3275aee448f33c0bee595f082f2d5ea117',
  )
})

it('another kind of statement is none', () => {
  for (const text of ['{}', '[]', 'x', JSON.stringify({ _type: 'https://in-toto.io/Statement/v1' })])
    assert.throws(
      () => parseProvenance(Buffer.from(text)),
      (error: unknown) => error instanceof MintmarkError && error.code === 'VERIFY_FAILED',
    )
})

it.run()
