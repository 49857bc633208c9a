import type * as z from 'zod'
import { parsedJson } from '../core/parsed-json.ts'
import { MintmarkError } from '../errors.ts'
import { ResolvedBase } from '../model/base.ts'
import type { RecordPredicate } from '../model/release.ts'
import { ScanReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'

/**
 * A report that a record names: as text without a schema, else as the value in it.
 * @throws MintmarkError NOT_FOUND when the record names none, VERIFY_FAILED when it is gone or not what was recorded
 */
export async function readReport(
  world: World,
  predicate: RecordPredicate,
  name: string,
  schema: null,
): Promise<string>
export async function readReport<T>(
  world: World,
  predicate: RecordPredicate,
  name: string,
  schema: z.ZodType<T>,
): Promise<T>
export async function readReport<T>(
  world: World,
  predicate: RecordPredicate,
  name: string,
  schema: z.ZodType<T> | null,
): Promise<T | string> {
  const where = `${predicate.image}@${predicate.version}`
  const report = predicate.reports[name]
  if (report === undefined) throw new MintmarkError('NOT_FOUND', `${where} has no report ${name}`)
  const text = Buffer.from(await world.catalog.getBlob(report.sha256)).toString('utf8')
  if (schema === null) return text
  const parsed = schema.safeParse(parsedJson(text))
  if (parsed.success) return parsed.data
  throw new MintmarkError('VERIFY_FAILED', `the report ${name} of ${where} is of another mintmark`, {
    cause: parsed.error,
  })
}

/** What the scan of a release found, by the database of its day. */
export const storedScan = (world: World, predicate: RecordPredicate): Promise<ScanReport> =>
  readReport(world, predicate, 'findings', ScanReport)

/** The base of a record as the gate takes it; the disk itself may be long gone. */
export function recordedBase({ base, artifact }: RecordPredicate): ResolvedBase {
  if (base.from === 'ami') return base
  const { diskSha256, ...rest } = base
  const disk = { path: '', sha256: diskSha256, virtualBytes: artifact.virtualBytes, format: 'qcow2' }
  return ResolvedBase.parse({ ...rest, disk })
}
