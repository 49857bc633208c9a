import { join } from 'node:path'
import { bytesToSign, envelopeText } from '../core/dsse.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { provenanceOf, provenancePayload, provenanceReport } from '../core/provenance.ts'
import { MintmarkError } from '../errors.ts'
import { type Builder, type RecordPredicate, Reservation } from '../model/release.ts'
import type { World } from '../ports/world.ts'
import { ownVersion } from './own-version.ts'
import type { StageContext } from './stage.ts'

/** Where nobody vouches for the machine but who runs it. */
const ownMachine = 'https://mintmark.dev/builder/own-machine/v1'

/** The workflow that this job runs, as GitHub names it to the job; it is the builder's own word. */
function builderId({ env }: World): string {
  const server = env['GITHUB_SERVER_URL'] ?? ''
  const workflow = env['GITHUB_WORKFLOW_REF'] ?? ''
  const id = `${server}/${workflow}`
  return env['GITHUB_ACTIONS'] === 'true' && server !== '' && workflow !== '' && URL.canParse(id)
    ? id
    : ownMachine
}

/**
 * Who builds, and since when. The same whenever it is asked in a run, so that a killed run writes the same again.
 * @throws MintmarkError CONFLICT when the version's reservation is gone
 */
export async function builderOf({ world, image, version, folder, need }: StageContext): Promise<Builder> {
  const key = `releases/${image}/${version}/reservation.json`
  const reserved = Reservation.safeParse(parsedJson((await world.catalog.read(key))?.value ?? ''))
  if (!reserved.success) throw new MintmarkError('CONFLICT', `${key} is missing or not what was written`)
  const { artifact } = need('build')
  // Of an image that is no file: when the build's result was written.
  const file = await world.files.info(
    artifact.format === 'qcow2' ? artifact.path : join(folder, 'build.json'),
  )
  const started = reserved.data.reserved
  const finished = file === null ? started : new Date(file.modifiedMs).toISOString()
  return { id: builderId(world), version: await ownVersion(world), started, finished }
}

/** Signs the provenance that goes with these facts and stores it. Returns the facts with its digest among the reports. */
export async function withProvenance(world: World, record: RecordPredicate): Promise<RecordPredicate> {
  const statement = provenanceOf(record)
  if (statement === null) return record
  const payload = provenancePayload(statement)
  const text = envelopeText(payload, [await world.keys.sign(bytesToSign(payload))])
  const stored = await world.catalog.putBlob(Buffer.from(text))
  return { ...record, reports: { ...record.reports, [provenanceReport]: stored } }
}
