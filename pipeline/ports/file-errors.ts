import { MintmarkError } from '../errors.ts'

/** The system's code, e.g. ENOSPC. */
export function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
}

export type Doing = 'read' | 'written'

/** What the refusals of the system mean to a person; all else is given back as it is. */
export function explained(path: string, doing: Doing, cause: unknown): unknown {
  const code = codeOf(cause)
  switch (code) {
    case 'ENOSPC':
      return new MintmarkError('NO_SPACE', `no space left to write ${path}`, { cause })
    case 'EDQUOT':
      return new MintmarkError('NO_SPACE', `the quota is used up: ${path} can't be written`, {
        cause,
        hint: 'free some of the quota (quota shows it); ./mintmark clean shows what mintmark holds',
      })
    case 'EFBIG':
      return new MintmarkError('NO_SPACE', `${path} would be larger than files may be here`, {
        cause,
        hint: 'look at the limit of this shell (ulimit -f) and of the file system',
      })
    case 'EROFS':
      return new MintmarkError('TOOL_FAILED', `${path} can't be written: its file system is read-only`, {
        cause,
        hint: 'mount it writable, or put that folder elsewhere (XDG_DATA_HOME, XDG_STATE_HOME, XDG_CACHE_HOME, MINTMARK_CATALOG, TMPDIR)',
      })
    case 'EACCES':
    case 'EPERM':
      return new MintmarkError('TOOL_FAILED', `${path} can't be ${doing} (${code})`, {
        cause,
        hint: 'check who owns that folder and how it is mounted',
      })
    case 'EMFILE':
    case 'ENFILE':
      return new MintmarkError(
        'TOOL_FAILED',
        `${path} can't be ${doing}: too many files are open (${code})`,
        {
          cause,
          hint: 'raise the limit: ulimit -n 4096',
        },
      )
    case 'EIO':
    case 'ESTALE':
    case 'ETIMEDOUT':
    case 'ENOTCONN':
      return new MintmarkError(
        'TOOL_FAILED',
        `${path} can't be ${doing}: the disk or its server fails (${code})`,
        {
          cause,
          hint: 'look at dmesg and at the mount',
        },
      )
    case 'ENAMETOOLONG':
      return new MintmarkError('TOOL_FAILED', `${path} can't be ${doing}: its name is too long`, {
        cause,
        hint: 'put that folder where the path to it is shorter (XDG_DATA_HOME, XDG_STATE_HOME, XDG_CACHE_HOME, MINTMARK_CATALOG)',
      })
    case 'ELOOP':
      return new MintmarkError(
        'TOOL_FAILED',
        `${path} can't be ${doing}: a link on the way leads to itself`,
        {
          cause,
          hint: 'find that link (namei -l shows each step of a path) and remove it',
        },
      )
    default:
      return cause
  }
}
