import { basename, join } from 'node:path'
import * as z from 'zod'
import { didYouMean } from '../core/did-you-mean.ts'
import type { HardeningContent, ScriptPair } from '../core/hardening/content.ts'
import { rowsOf } from '../core/hardening/content.ts'
import { scriptKind, scriptOf } from '../core/hardening/render-hardening.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { MintmarkError } from '../errors.ts'
import { Benchmark, Control, Kind, Profile } from '../model/hardening.ts'
import type { World } from '../ports/world.ts'

const ControlFile = z.array(Control)

/**
 * Reads all of `hardening/` below the checkout. All problems of a kind are told at once.
 * @throws MintmarkError CONFIG_INVALID with file:line:column for what a file says wrong, or for files that don't fit together
 */
export async function loadHardening(world: World): Promise<HardeningContent> {
  const root = join(world.places.installation, 'hardening')
  const text = (...path: readonly string[]): Promise<string> => world.files.readText(join(root, ...path))

  async function yamlFiles<T>(folder: string, schema: z.ZodType<T>): Promise<ReadonlyMap<string, T>> {
    const names = (await world.files.list(join(root, folder))).filter((name) => name.endsWith('.yaml'))
    const parsed = await Promise.all(
      names.map(
        async (name): Promise<readonly [string, T]> => [
          basename(name, '.yaml'),
          parseYaml(schema, await text(folder, name), { path: `hardening/${folder}/${name}` }),
        ],
      ),
    )
    return new Map(parsed)
  }

  async function pairs(folder: string): Promise<ReadonlyMap<string, ScriptPair>> {
    const names = await world.files.list(join(root, folder))
    return new Map(
      await Promise.all(
        names.map(
          async (name): Promise<readonly [string, ScriptPair]> => [
            name,
            { apply: await text(folder, name, 'apply.sh'), check: await text(folder, name, 'check.sh') },
          ],
        ),
      ),
    )
  }

  const [controlFiles, profiles, benchmarks, kindPairs, scripts, installed, apply, check] = await Promise.all(
    [
      yamlFiles('controls', ControlFile),
      yamlFiles('profiles', Profile),
      yamlFiles('benchmarks', Benchmark),
      pairs('kinds'),
      pairs('scripts'),
      text('lib', 'installed.sh'),
      text('lib', 'apply.sh'),
      text('lib', 'check.sh'),
    ],
  )
  const kinds = new Map<string, ScriptPair & { readonly kind: Kind }>()
  for (const [name, pair] of kindPairs) {
    const path = `hardening/kinds/${name}/kind.yaml`
    kinds.set(name, { ...pair, kind: parseYaml(Kind, await text('kinds', name, 'kind.yaml'), { path }) })
  }
  const inFile = new Map(
    [...controlFiles].map(([area, file]): readonly [string, readonly Control[]] => [
      `hardening/controls/${area}.yaml`,
      file,
    ]),
  )
  const content: HardeningContent = {
    controls: [...inFile.values()].flat(),
    kinds,
    scripts,
    profiles,
    benchmarks,
    lib: { installed, apply, check },
  }
  const problems = problemsOf(content, inFile)
  if (problems.length > 0) {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `hardening/ has ${problems.length} problem${problems.length === 1 ? '' : 's'}`,
      { details: problems },
    )
  }
  return content
}

function problemsOf(
  content: HardeningContent,
  inFile: ReadonlyMap<string, readonly Control[]>,
): readonly string[] {
  const problems: string[] = []
  const unknown = (where: string, what: string, name: string, known: Iterable<string>): void => {
    const meant = didYouMean(name, [...known])
    problems.push(`${where}: ${what} ${name} is not known${meant === null ? '' : `; did you mean ${meant}?`}`)
  }
  const seen = new Map<string, string>()
  for (const [path, controls] of inFile) {
    for (const control of controls) {
      const where = `${path} ${control.id}`
      const before = seen.get(control.id)
      if (before !== undefined) problems.push(`${where}: the same id is in ${before}`)
      seen.set(control.id, path)
      const columns = content.kinds.get(control.kind)?.kind.columns
      if (columns === undefined) {
        unknown(where, 'kind', control.kind, content.kinds.keys())
        continue
      }
      for (const row of rowsOf(control)) {
        for (const column of columns) {
          if ((row[column] ?? '') === '') problems.push(`${where}: values has no ${column}`)
        }
        for (const column of Object.keys(row)) {
          if (!columns.includes(column)) unknown(where, 'column', column, columns)
        }
      }
      if (control.kind === scriptKind && !content.scripts.has(scriptOf(control))) {
        problems.push(`${where}: hardening/scripts/${scriptOf(control)}/ is missing`)
      }
      for (const [benchmark, ids] of Object.entries(control.refs)) {
        const requirements = content.benchmarks.get(benchmark)?.requirements.map((item) => item.id)
        if (requirements === undefined) unknown(where, 'benchmark', benchmark, content.benchmarks.keys())
        else {
          for (const id of ids) {
            if (!requirements.includes(id)) unknown(where, `requirement of ${benchmark}`, id, requirements)
          }
        }
      }
    }
  }
  for (const name of content.scripts.keys()) {
    if (!seen.has(name)) problems.push(`hardening/scripts/${name}: there is no control ${name}`)
  }
  for (const [name, profile] of content.profiles) {
    for (const id of profile.controls) {
      if (!seen.has(id)) unknown(`hardening/profiles/${name}.yaml`, 'control', id, seen.keys())
    }
  }
  for (const [name, benchmark] of content.benchmarks) {
    const ids = new Set<string>()
    for (const { id } of benchmark.requirements) {
      if (ids.has(id)) problems.push(`hardening/benchmarks/${name}.yaml: requirement ${id} is there twice`)
      ids.add(id)
    }
  }
  return problems
}
