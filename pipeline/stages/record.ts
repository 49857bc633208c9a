import { canonicalJson, sha256 } from '../core/digest.ts'
import { bytesToSign, envelopeText, parseEnvelope } from '../core/dsse.ts'
import { buildStatement, parsePayload, payloadOf, summariseControls } from '../core/statement.ts'
import { compareVersions } from '../core/versions.ts'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import { Recorded, type RecordPredicate, type Statement } from '../model/release.ts'
import { actorOf } from './actor.ts'
import type { Trust } from './chain.ts'
import { checkSignature } from './check-signature.ts'
import { variantAt } from './choose-target.ts'
import { fingerprintOfRun } from './fingerprint.ts'
import { type ChannelChange, moveChannel, type PointsTo } from './move-channel.ts'
import { type Located, openRecord } from './read-release.ts'
import { recordedOf } from './recorded.ts'
import type { Stage, StageContext } from './stage.ts'
import { storedValues } from './stored-values.ts'
import { trustedKeys } from './verify-release.ts'
import { builderOf, withProvenance } from './write-provenance.ts'
import { writtenReports } from './write-report.ts'

const channel = firstChannel

/** Every result of this run has to be about the same bytes. */
function checkChain(context: StageContext): void {
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
  const check = `${folder}/bundle/guest/mintmark-check`
  if ((await world.files.info(check))?.kind === 'file')
    reports['check'] = await world.catalog.putBlob(await world.files.readBytes(check))
  const render = context.need('render')
  const test = context.need('test')
  const { definition } = context
  const values = { render, build, test, scan, definition }
  for (const [name, take] of Object.entries(storedValues)) {
    reports[name] = await world.catalog.putBlob(Buffer.from(canonicalJson(take(values))))
  }
  return reports
}

async function predicateOf(context: StageContext): Promise<RecordPredicate> {
  const { world, definition } = context
  const [profile = ''] = definition.hardening.profiles
  return withProvenance(world, {
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
    fingerprint: await fingerprintOfRun(context),
    builder: await builderOf(context),
  })
}

/** A record that is already there is this run's own, from before it was killed, or nobody may touch it. */
async function takeUp(context: StageContext, text: string, key: string): Promise<Statement> {
  const { world, runId } = context
  const { envelope, payload } = parseEnvelope(text)
  const statement = parsePayload(payload)
  const { run, artifact, created } = statement.predicate
  if (run !== runId) {
    throw new MintmarkError('CONFLICT', `${key} is the record of the run ${run}, not of ${runId}`, {
      hint: './mintmark release with --fresh takes a new version',
    })
  }
  const day = created.slice(0, 10)
  const trust = await trustedKeys(world, null)
  const signed = await checkSignature(world, { envelope, payload, day }, trust, true)
  if (!signed.right)
    throw new MintmarkError('VERIFY_FAILED', `${key} of this run is signed ${signed.text}`, {
      hint: 'a signer of this job has to be in scans/policies/trust.yaml, or be the key of this machine',
    })
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
  key: string,
): Promise<{ readonly text: string; readonly keyid: string }> {
  const { catalog, keys } = context.world
  const before = await catalog.read(key)
  if (before === null) {
    const payload = payloadOf(buildStatement(await predicateOf(context)))
    const signature = await keys.sign(bytesToSign(payload))
    const text = envelopeText(payload, [signature])
    if (await catalog.createOnly(key, text)) return { text, keyid: signature.keyid }
  }
  const there = before ?? (await catalog.read(key))
  if (there === null) throw new MintmarkError('CONFLICT', `${key} was removed while it was written`)
  await takeUp(context, there.value, key)
  const [signature] = parseEnvelope(there.value).envelope.signatures
  return { text: there.value, keyid: signature?.keyid ?? '' }
}

/** Moves nightly to this record, never back: what was released after it stays. Returns the version that it points to afterwards. */
async function moveNightly(
  { world, image, version }: StageContext,
  written: Pick<Located, 'variant' | 'key' | 'text'>,
): Promise<string> {
  // What was written, and not what lies there now: our signature is for nothing else.
  const release = openRecord({ ...written, image, version, pointers: [], damaged: [], via: null })
  const decide = (now: PointsTo | null): boolean => {
    const order = now === null ? -1 : compareVersions(now.version, version)
    if (order === 0 && now?.record !== release.record)
      throw new MintmarkError('CONFLICT', `${image}@${firstChannel} is another record of ${version}`, {
        hint: `./mintmark verify ${image}@${version}`,
      })
    return order < 0
  }
  const by = await actorOf(world, null)
  const data: ChannelChange['data'] = { why: 'released', by, diff: null, approvals: [], reason: null }
  const trust: Trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  return (await moveChannel(world, { release, channel: firstChannel, data, decide }, trust)).version
}

/** Signs the facts of the variant, writes them once, and moves the channel nightly to them. */
export const recordStage: Stage<'record'> = {
  id: 'record',
  needs: ['base', 'render', 'build', 'test', 'scan', 'gate', 'publish'],
  output: Recorded,
  async run(context) {
    const { image, version, target } = context
    checkChain(context)
    const variant = variantAt(target)
    context.step.update('signing the record')
    const key = `releases/${image}/${version}/${variant}.dsse.json`
    const { text, keyid } = await writeRecord(context, key)
    const record = sha256(text)
    const pointsTo = await moveNightly(context, { variant, key, text })
    const moved =
      pointsTo === version ? `${channel} → ${version}` : `${channel} stays ${pointsTo}, which is newer`
    return {
      output: { record, version, channel, keyid },
      line: `${moved}  record sha256:${record.slice(0, 12)}…`,
    }
  },
}
