import { join } from 'node:path'
import * as semver from 'semver'
import { MintmarkError } from '../errors.ts'
import {
  debianPackages,
  optionalTools,
  pythonPrograms,
  pythonPurposes,
  type ToolRow,
  toolTable,
  unpackedPackages,
} from '../tools/table.ts'
import type { Exec } from './exec.ts'
import type { Files } from './files.ts'
import { installPythonProgram, isPythonProgram, pythonProgram } from './install-python.ts'
import {
  dropBuildFiles,
  installDebianPackages,
  installTool,
  toolFolder,
  unpackDebianPackage,
  unpackedProgram,
} from './install-tools.ts'
import type { Places } from './places.ts'
import type { DebianPackage, Tool, ToolName, ToolState, Tools } from './tools.ts'

/** The first thing in the text that looks like a version. */
const versionIn = (text: string): string | null => /\d+\.\d+\.\d+(?:-[0-9a-z.]+)?/.exec(text)?.[0] ?? null

/** Why a version may not be used; null when it may. */
export function refusal(row: ToolRow, version: string): string | null {
  const denied = row.denied[version]
  if (denied !== undefined) return denied
  return semver.satisfies(version, row.accepted) ? null : `mintmark accepts ${row.accepted}`
}

/**
 * Finds the pinned tools: on PATH at an accepted version, else in the cache, whose file must still have the hash that it
 * was installed with.
 */
export function findTools(exec: Exec, files: Files, places: Places): Tools {
  const known = new Map<ToolName, Promise<ToolState>>()

  async function versionOf(name: ToolName, path: string): Promise<string> {
    const isolated = await exec.cutsNetwork()
    const { stdout, stderr } = await exec.run([path, ...toolTable[name].versionArgs], {
      ok: 'any',
      timeoutMs: 20_000,
      env: { CHECKPOINT_DISABLE: '1' },
      // Nobody knows yet what program this is.
      ...(isolated ? { network: 'none' } : {}),
    })
    return versionIn(stdout) ?? versionIn(stderr) ?? 'unknown'
  }

  async function inPath(name: ToolName): Promise<ToolState | null> {
    const path = await exec.which(name)
    if (path === null) return null
    const version = await versionOf(name, path)
    const why = refusal(toolTable[name], version)
    if (why !== null) return { status: 'refused', path, version, why }
    return { status: 'accepted', tool: { path, version, sha256: await files.sha256(path), origin: 'PATH' } }
  }

  async function inCache(name: ToolName): Promise<ToolState> {
    const folder = await toolFolder(files, places, name)
    const path = join(folder, name)
    const receipt = join(folder, 'receipt.json')
    if ((await files.info(receipt)) === null) return { status: 'missing', why: 'not installed' }
    const { sha256, origin } = JSON.parse(await files.readText(receipt)) as { sha256: string; origin: string }
    const pinned = toolTable[name].version
    if ((await files.info(path)) === null || (await files.sha256(path)) !== sha256) {
      return {
        status: 'refused',
        path,
        version: pinned,
        why: 'the file is not what was installed: remove its folder and run setup again',
      }
    }
    // The receipt lies beside the program: who could put one there wrote the other as well.
    const version = await versionOf(name, path)
    if (version !== pinned) {
      const why = refusal(toolTable[name], version) ?? `mintmark installed ${pinned}`
      return { status: 'refused', path, version, why: `${why}; remove its folder and run setup again` }
    }
    return { status: 'accepted', tool: { path, version, sha256, origin } }
  }

  async function look(name: ToolName): Promise<ToolState> {
    const onPath = await inPath(name)
    if (onPath?.status === 'accepted') return onPath
    const cached = await inCache(name)
    return cached.status === 'missing' && onPath !== null ? onPath : cached
  }

  const inspect = (name: ToolName): Promise<ToolState> => {
    const state = known.get(name) ?? look(name)
    known.set(name, state)
    return state
  }

  async function found(seenBy: string): Promise<string | null> {
    if (!seenBy.startsWith('/')) return exec.which(seenBy)
    return (await files.info(seenBy)) === null ? null : seenBy
  }

  /** Installed Debian packages among the names, with their versions. */
  async function debianVersions(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if ((await exec.which('dpkg-query')) === null) return new Map()
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
    const format = '${db:Status-Status} ${Package} ${Version}\n'
    const { stdout } = await exec.run(['dpkg-query', '-W', '-f', format, ...names], { ok: 'any' })
    const rows = stdout.split('\n').map((line) => line.split(' '))
    return new Map(
      rows.filter(([status]) => status === 'installed').map(([, name = '', version = '']) => [name, version]),
    )
  }

  return {
    inspect,
    async need(name) {
      const state = await inspect(name)
      if (state.status === 'accepted') return state.tool
      const { title } = toolTable[name]
      if (state.status === 'missing')
        throw new MintmarkError(
          'TOOL_MISSING',
          `${title} is not on this machine`,
          optionalTools[name] === undefined
            ? {}
            : { hint: `./mintmark setup --for ${optionalTools[name][0]} --yes` },
        )
      throw new MintmarkError('TOOL_REFUSED', `${state.path} is ${title} ${state.version}: ${state.why}`, {
        hint: './mintmark setup --yes installs an accepted one',
      })
    },
    async install(name, onProgress): Promise<Tool> {
      const tool = await installTool({ exec, files, places }, name, onProgress)
      known.set(name, Promise.resolve({ status: 'accepted', tool }))
      return tool
    },
    dropBuildFiles: () => dropBuildFiles(files, places),
    async debianPackages(purpose) {
      const wanted: Readonly<Record<string, string>> = {
        ...(purpose === 'workflows' ? debianPackages.workflows : debianPackages.release),
        ...(purpose === 'ansible' || purpose === 'test' ? debianPackages.ansible : {}),
        ...(purpose === 'tpm' || purpose === 'test' ? debianPackages.tpm : {}),
        ...(purpose === 'share' || purpose === 'test' ? debianPackages.share : {}),
        ...(purpose === 'test' ? debianPackages.test : {}),
      }
      const versions = await debianVersions(Object.keys(wanted))
      const rows: DebianPackage[] = []
      for (const [name, seenBy] of Object.entries(wanted)) {
        const path = await found(seenBy)
        rows.push({ name, seenBy, present: path !== null, version: versions.get(name) ?? null, path })
      }
      for (const [name, program] of purpose === 'test' ? Object.entries(unpackedPackages) : []) {
        const path = (await exec.which(name)) ?? (await found(unpackedProgram(places, name)))
        rows.push({ name, seenBy: program, present: path !== null, version: null, path })
      }
      const python = Object.keys(pythonPrograms).filter(isPythonProgram)
      for (const name of python.filter((item) => pythonPurposes[item] === purpose)) {
        const path = await pythonProgram(files, places, name)
        rows.push({ name, seenBy: pythonPrograms[name], present: path !== null, version: null, path })
      }
      return rows
    },
    async installDebianPackages(names, onProgress) {
      const unpacked = names.filter((name) => name in unpackedPackages)
      const python = names.filter(isPythonProgram)
      const installed = names.filter((name) => !unpacked.includes(name) && !isPythonProgram(name))
      await installDebianPackages(exec, installed, onProgress)
      for (const name of unpacked) await unpackDebianPackage({ exec, files, places }, name, onProgress)
      for (const name of python) await installPythonProgram({ exec, files, places }, name, onProgress)
    },
  }
}
