import { packerEngine } from './packer/packer.ts'

/** Every engine, by name. */
export const engines = { packer: packerEngine } as const
