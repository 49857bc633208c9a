import { canonicalJson, sha256 } from '../core/digest.ts'
import { bytesToSign, envelopeText, parseEnvelope } from '../core/dsse.ts'
import {
  buildStatement,
  parsePayload,
  parsePointer,
  payloadOf,
  summariseControls,
  variantOf,
} from '../core/statement.ts'
import { compareVersions } from '../core/versions.ts'
import { MintmarkError } from '../errors.ts'
import { TargetId } from '../model/ids.ts'
import { type ChannelPointer, Recorded, type RecordPredicate, type Statement } from '../model/release.ts'
import type { World } from '../ports/world.ts'
import { targets } from '../targets/registry.ts'
import type { Target } from '../targets/target.ts'
import { fingerprintOfRun } from './fingerprint.ts'
import { recordedOf } from './recorded.ts'
import type { Stage, StageContext } from './stage.ts'
import { writtenReports } from './write-report.ts'

/** Every writer that gets in between has moved the channel forward; this many at once is no coincidence. */
const attempts = 20

const channel = 'nightly'

/** Every result of this run has to be about the same bytes. */
function checkChain(context: StageContext): string {
  const subject = context.need('publish').subject
  const others = {
    build: context.need('build').artifact.sha256,
    test: context.need('test').subject,
    scan: context.need('scan').subject,
    gate: context.need('gate').subject,
  }
  for (const [stage, found] of Object.entries(others)) {
    if (found !== subject) {
      throw new MintmarkError(
        'CHAIN_BROKEN',
        `${stage} is about sha256:${found}, published was sha256:${subject}`,
        {
          where: { image: context.image, stage },
        },
      )
    }
  }
  return subject
}

/** Stores the run's reports. They are copied, not linked: a stage that runs again may write to its own file. */
async function storeReports(context: StageContext): Promise<RecordPredicate['reports']> {
  const { world, folder } = context
  const build = context.need('build')
  const scan = context.need('scan')
  const reports: Record<string, { sha256: string; bytes: number }> = {}
  for (const [name, file] of Object.entries(scan.files)) {
    const path = file.path.startsWith('/') ? file.path : `${folder}/${file.path}`
    reports[name] = await world.catalog.putBlob(await world.files.readBytes(path), { expected: file.sha256 })
  }
  for (const [name, path] of await writtenReports(world, folder))
    reports[name] = await world.catalog.putBlob(await world.files.readBytes(path))
  const baseName = (path: string): string => path.split('/').at(-1) ?? path
  // Where a file lay on the build machine is nobody's business later.
  const values = {
    bundle: context.need('render'),
    build: { ...build, artifact: { ...build.artifact, path: baseName(build.artifact.path) } },
    test: context.need('test'),
    findings: {
      ...scan,
      files: Object.fromEntries(
        Object.entries(scan.files).map(([name, file]) => [name, { ...file, path: baseName(file.path) }]),
      ),
    },
    definition: context.definition,
  }
  for (const [name, value] of Object.entries(values)) {
    reports[name] = await world.catalog.putBlob(Buffer.from(canonicalJson(value)))
  }
  return reports
}

async function predicateOf(context: StageContext, host: Target): Promise<RecordPredicate> {
  const { world, definition } = context
  const [profile = ''] = definition.hardening.profiles
  return {
    schema: 1,
    ...(await recordedOf(context, context.need('gate'))),
    created: world.clock.now().toISOString(),
    layout: definition.disk.layout,
    profile,
    controls: summariseControls(
      context.need('render').controls,
      context.need('test').controls.flatMap((place) => place.results),
    ),
    reports: await storeReports(context),
    fingerprint: await fingerprintOfRun(context, host),
  }
}

/** A record that is already there is this run's own, from before it was killed, or nobody may touch it. */
async function takeUp(context: StageContext, text: string, key: string): Promise<Statement> {
  const { world, runId } = context
  const { envelope, payload } = parseEnvelope(text)
  const own = await world.keys.publicKey()
  const signed = envelope.signatures.some(
    (item) => item.keyid === own.keyid && world.keys.verify(own, bytesToSign(payload), item.sig),
  )
  const statement = parsePayload(payload)
  const { run, artifact } = statement.predicate
  if (run !== runId) {
    throw new MintmarkError('CONFLICT', `${key} is the record of the run ${run}, not of ${runId}`, {
      hint: './mintmark release with --fresh takes a new version',
    })
  }
  if (!signed)
    throw new MintmarkError('VERIFY_FAILED', `${key} is not signed by this machine's key ${own.keyid}`)
  if (artifact.sha256 !== context.need('publish').subject) {
    throw new MintmarkError(
      'CONFLICT',
      `${key} records sha256:${artifact.sha256}, another image of this run`,
      {
        hint: './mintmark release with --fresh takes a new version',
      },
    )
  }
  return statement
}

/** Writes the record once, or takes up the one that this run wrote before. Returns its text and who signed it. */
async function writeRecord(
  context: StageContext,
  host: Target,
  key: string,
): Promise<{ readonly text: string; readonly keyid: string }> {
  const { catalog, keys } = context.world
  const before = await catalog.read(key)
  if (before === null) {
    const payload = payloadOf(buildStatement(await predicateOf(context, host)))
    const signature = await keys.sign(bytesToSign(payload))
    const text = envelopeText(payload, [signature])
    if (await catalog.createOnly(key, text)) return { text, keyid: signature.keyid }
  }
  const there = before ?? (await catalog.read(key))
  if (there === null) throw new MintmarkError('CONFLICT', `${key} was removed while it was written`)
  await takeUp(context, there.value, key)
  return { text: there.value, keyid: (await keys.publicKey()).keyid }
}

/** Moves the channel to the version, never back. Returns the version that it points to afterwards. */
async function movePointer(world: World, to: Omit<ChannelPointer, 'moved'>): Promise<string> {
  const key = `channels/${to.image}/${to.channel}/${to.variant}.json`
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const now = await world.catalog.read(key)
    if (now !== null) {
      const pointer = parsePointer(now.value, key)
      const order = compareVersions(pointer.version, to.version)
      if (order > 0) return pointer.version
      if (order === 0 && pointer.record === to.record) return pointer.version
      if (order === 0) {
        throw new MintmarkError('CONFLICT', `${key} points to another record of ${to.version}`, {
          hint: `./mintmark verify ${to.image}@${to.version}`,
        })
      }
    }
    const pointer: ChannelPointer = { ...to, moved: world.clock.now().toISOString() }
    if (await world.catalog.compareAndSwap(key, now?.etag ?? null, canonicalJson(pointer))) return to.version
  }
  throw new MintmarkError('CONFLICT', `${key} moved ${attempts} times while it was to be moved`)
}

/** Signs the facts of the variant, writes them once, and moves the channel nightly to them. */
export const recordStage: Stage<'record'> = {
  id: 'record',
  needs: ['base', 'render', 'build', 'test', 'scan', 'gate', 'publish'],
  output: Recorded,
  async run(context) {
    const { world, image, version, definition } = context
    const subject = checkChain(context)
    const target = TargetId.parse(Object.keys(definition.targets)[0])
    const host: Target = targets[target]
    const variant = variantOf({ target, arch: host.arch })
    context.step.update('signing the record')
    const { text, keyid } = await writeRecord(
      context,
      host,
      `releases/${image}/${version}/${variant}.dsse.json`,
    )
    const record = sha256(text)
    const pointsTo = await movePointer(world, {
      schema: 1,
      image,
      channel,
      variant,
      version,
      sha256: subject,
      record,
    })
    const moved =
      pointsTo === version ? `${channel} → ${version}` : `${channel} stays ${pointsTo}, which is newer`
    return {
      output: { record, version, channel, keyid },
      line: `${moved}  record sha256:${record.slice(0, 12)}…`,
    }
  },
}
