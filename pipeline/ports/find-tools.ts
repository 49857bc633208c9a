import type { Exec } from './exec.ts'
import type { Files } from './files.ts'
import type { Places } from './places.ts'
import type { Tool, ToolName, Tools } from './tools.ts'
import { MintmarkError } from '../errors.ts'

export function findTools(exec: Exec, files: Files, _places: Places): Tools {
  const need = async (name: ToolName): Promise<Tool> => {
    const path = await exec.which(name)
    if (path === null) throw new MintmarkError('TOOL_MISSING', `${name} is not on this machine`)
    return { path, version: '0', sha256: await files.sha256(path), origin: 'PATH' }
  }
  return { need }
}
