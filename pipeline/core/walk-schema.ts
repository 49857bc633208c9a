import type * as z from 'zod'
import { didYouMean } from './did-you-mean.ts'

export type Path = readonly PropertyKey[]

/** What Zod says of a schema, as far as messages need it. */
interface Def {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly in?: z.ZodType
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly element?: z.ZodType
  readonly valueType?: z.ZodType
  readonly options?: readonly z.ZodType[]
  readonly values?: readonly unknown[]
}

const defOf = (schema: z.ZodType): Def => schema.def as unknown as Def

function unwrap(schema: z.ZodType): z.ZodType {
  const { innerType, in: input } = defOf(schema)
  const inner = innerType ?? input
  return inner === undefined ? schema : unwrap(inner)
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Fields of an object's schema; none of anything else. */
export const shapeOf = (schema: z.ZodType | null): Readonly<Record<string, z.ZodType>> =>
  (schema === null ? undefined : defOf(unwrap(schema)).shape) ?? {}

/** The branches of a union; none of anything else. */
export const branchesOf = (schema: z.ZodType | null): readonly z.ZodType[] =>
  (schema === null ? undefined : defOf(unwrap(schema)).options) ?? []

export const literalsOf = (schema: z.ZodType): readonly unknown[] => {
  const def = defOf(unwrap(schema))
  return def.type === 'literal' ? (def.values ?? []) : []
}

const requiredOf = (branch: z.ZodType): readonly (readonly [string, z.ZodType])[] =>
  Object.entries(shapeOf(branch)).filter(([, field]) => !field.safeParse(undefined).success)

/** How a branch is written, by what it can't be without: `{from: archive}`, `{run: …}`. */
export const formOf = (branch: z.ZodType): string =>
  `{${requiredOf(branch)
    .map(([key, field]) => `${key}: ${String(literalsOf(field)[0] ?? '…')}`)
    .join(', ')}}`

function likeness(branch: z.ZodType, data: Readonly<Record<string, unknown>>): number {
  let points = 0
  for (const [key, field] of requiredOf(branch)) {
    const literals = literalsOf(field)
    if (Object.hasOwn(data, key)) points += literals.length > 0 && !literals.includes(data[key]) ? 1 : 4
    else if (Object.keys(data).some((word) => didYouMean(word, [key]) !== null)) points += 2
  }
  return points
}

/** Index of the branch that the writer had in mind, by its keys; null when nothing tells. */
export function meantBranch(branches: readonly z.ZodType[], data: unknown): number | null {
  if (!isRecord(data)) return null
  const points = branches.map((branch) => likeness(branch, data))
  const most = Math.max(...points)
  return most > 0 ? points.indexOf(most) : null
}

/** The schema of a place; in a union the branch that the data there is meant for. Null where the schema has no such place. */
export function schemaAt(schema: z.ZodType, path: Path, data: unknown): z.ZodType | null {
  let at = schema
  let value = data
  for (const part of path) {
    const branches = branchesOf(at)
    const meant = branches[meantBranch(branches, value) ?? 0]
    const { shape, element, valueType } = defOf(unwrap(meant ?? at))
    const next = shape?.[String(part)] ?? element ?? valueType
    if (next === undefined) return null
    at = next
    value = typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined
  }
  return at
}

/** Where a field of this name would be, when it stands in the wrong place; null when nowhere or in several places. */
export function placeOf(schema: z.ZodType, key: string): Path | null {
  const found: Path[] = []
  const look = (at: z.ZodType, path: Path): void => {
    for (const [name, field] of Object.entries(shapeOf(at))) {
      if (name === key) found.push([...path, name])
      look(field, [...path, name])
    }
  }
  look(schema, [])
  return found.length === 1 ? (found[0] ?? null) : null
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (isRecord(value))
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}: ${flow(item)}`)
      .join(', ')}}`
  return typeof value === 'string' && /^[a-z/][\w./-]*$/.test(value) ? value : JSON.stringify(value)
}

/** How the field may be written, of the schema's own examples; null when it has none. */
export function exampleOf(schema: z.ZodType | null): string | null {
  for (let at = schema; at !== null; ) {
    const example = (at.meta()?.['examples'] as readonly unknown[] | undefined)?.[0]
    if (example !== undefined) return flow(example)
    const { innerType, in: input }: Def = defOf(at)
    at = innerType ?? input ?? null
  }
  return null
}
