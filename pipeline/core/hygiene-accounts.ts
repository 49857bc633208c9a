import { type Left, leftWhere, type Rule, type SealedDisk, saying } from './hygiene-disk.ts'

interface Account {
  readonly name: string
  readonly password: string
  readonly uid: number
  readonly home: string
  readonly shell: string
}

const passwdPath = 'etc/passwd'
const noPasswd = 'there is no /etc/passwd'

function accountsOf({ texts }: SealedDisk): readonly Account[] | null {
  const passwd = texts[passwdPath]
  if (passwd === undefined) return null
  return passwd.split('\n').flatMap((line) => {
    const [name, password = '', uid, , , home = '', shell = ''] = line.split(':')
    return name === undefined || uid === undefined ? [] : [{ name, password, uid: Number(uid), home, shell }]
  })
}

/** The person's own range in Debian's policy; what is below belongs to packages. */
const isPerson = ({ uid }: Account): boolean => uid >= 1000 && uid < 60_000

/** An empty shell is /bin/sh. */
const logsIn = ({ shell }: Account): boolean => !/\/(?:nologin|false|true|sync)$/.test(shell)

const numbersOf = (text: string | undefined): ReadonlySet<number> =>
  new Set((text ?? '').split('\n').flatMap((line) => (line === '' ? [] : [Number(line.split(':')[2])])))

/** What is wrong with a password field, or null: it must let nobody in, and keep nothing that could be guessed. */
function wrongPassword(field: string): string | null {
  if (field === '') return 'needs no password'
  if (/^[!*]+$/.test(field)) return null
  return /^[!*]/.test(field) ? 'has a password behind a lock' : 'has a password'
}

function usablePasswords(disk: SealedDisk): readonly Left[] | string {
  const accounts = accountsOf(disk)
  const shadow = disk.texts['etc/shadow']
  if (accounts === null) return noPasswd
  if (shadow === undefined) return 'there is no /etc/shadow'
  const inShadow = (path: string, who: string, text: string): readonly Left[] =>
    saying(text).flatMap((line) => {
      const [name = '', field = ''] = line.split(':')
      const wrong = wrongPassword(field)
      // A group without a password is joined by its members alone, whatever stands there.
      if (wrong === null || (who === 'group' && field === '')) return []
      return [{ path, what: `${who} ${name} ${wrong}` }]
    })
  return [
    ...accounts
      .filter(({ password }) => password !== 'x' && wrongPassword(password) !== null)
      .map(({ name, password }) => ({ path: passwdPath, what: `user ${name} ${wrongPassword(password)}` })),
    ...inShadow('etc/shadow', 'user', shadow),
    ...inShadow('etc/gshadow', 'group', disk.texts['etc/gshadow'] ?? ''),
  ]
}

function temporaryUsers(disk: SealedDisk): readonly Left[] | string {
  const accounts = accountsOf(disk)
  if (accounts === null) return noPasswd
  const homes = new Set(accounts.map(({ home }) => home.replace(/^\//, '')))
  return [
    ...accounts
      .filter((account) => isPerson(account) && logsIn(account))
      .map(({ name, uid, shell }) => ({
        path: passwdPath,
        what: `user ${name}, ${uid}, ${shell || 'no shell, which is /bin/sh'}`,
      })),
    ...leftWhere(
      disk,
      ({ path }) => /^home\/[^/]+$/.test(path) && path !== 'home/lost+found' && !homes.has(path),
    ),
  ]
}

/** The user whom a line of sudoers is for; null for all else: groups, aliases, numbers, users of a directory. */
const sudoerOf = (line: string): string | null =>
  /^([a-z_][a-z0-9_-]*\$?)[ \t]+\S+[ \t]*=/.exec(line)?.[1] ?? null

function sudoLeftovers(disk: SealedDisk): readonly Left[] | string {
  const accounts = accountsOf(disk)
  if (accounts === null) return noPasswd
  const names = new Set(accounts.map(({ name }) => name))
  return Object.entries(disk.texts).flatMap(([path, text]) => {
    if (!path.startsWith('etc/sudoers')) return []
    if (path === 'etc/sudoers.d/90-cloud-init-users') return [{ path }]
    const unknown = saying(text)
      .flatMap((line) => sudoerOf(line) ?? [])
      .find((name) => !names.has(name))
    return unknown === undefined ? [] : [{ path, what: `for ${unknown}, who is no user` }]
  })
}

function rootsBesideRoot(disk: SealedDisk): readonly Left[] | string {
  const accounts = accountsOf(disk)
  if (accounts === null) return noPasswd
  const roots = accounts.filter(({ uid }) => uid === 0)
  const others = roots.filter(({ name }, index) => name !== 'root' || roots[index - 1]?.name === 'root')
  return [
    ...others.map(({ name }) => ({ path: passwdPath, what: `user ${name} has the number 0` })),
    ...(roots.some(({ name }) => name === 'root') ? [] : [{ path: passwdPath, what: 'no user root' }]),
  ]
}

function unowned(disk: SealedDisk): readonly Left[] | string {
  const users = numbersOf(disk.texts[passwdPath])
  const groups = numbersOf(disk.texts['etc/group'])
  if (users.size === 0 || groups.size === 0) return 'there is no /etc/passwd or no /etc/group'
  if (disk.entries.find(({ path }) => path === '')?.uid !== 0) return 'this copy was made without owners'
  return leftWhere(
    disk,
    ({ uid, gid }) => !users.has(uid) || !groups.has(gid),
    ({ uid, gid }) => `${uid}:${gid}`,
  )
}

/** Facts about users, passwords and who owns what. */
export const accountRules: readonly Rule[] = [
  {
    id: 'no-temporary-users',
    title: 'the image has no user of the build',
    expected:
      'no user id of 1000 to 59999 that can log in (a service has the shell nologin), no home without its user',
    found: temporaryUsers,
  },
  {
    id: 'no-sudo-leftovers',
    title: 'sudo knows no user of the build',
    expected: "no file of cloud-init's in /etc/sudoers.d, and no line for a user who is not there",
    found: sudoLeftovers,
  },
  {
    id: 'no-usable-passwords',
    title: 'no password lets anybody in',
    expected: 'every user and group locked, without a hash',
    found: usablePasswords,
  },
  {
    id: 'only-root-is-root',
    title: 'root alone has the number 0',
    expected: 'one user with the number 0, root',
    found: rootsBesideRoot,
  },
  {
    id: 'no-unowned-files',
    title: 'every file has an owner and a group that exist',
    expected: 'no number that is in neither /etc/passwd nor /etc/group',
    control: 'files-unowned',
    found: unowned,
  },
  {
    id: 'no-world-writable-files',
    title: 'no file can be written by everybody',
    expected: 'no file with the write bit for all',
    control: 'files-world-writable',
    found: (disk) =>
      leftWhere(disk, ({ kind, mode }) => kind !== 'folder' && kind !== 'link' && (mode & 0o002) !== 0),
  },
  {
    id: 'sticky-folders',
    title: 'folders for everybody are sticky',
    expected: 'no folder that all can write without the sticky bit',
    control: 'files-sticky',
    found: (disk) =>
      leftWhere(disk, ({ kind, mode }) => kind === 'folder' && (mode & 0o002) !== 0 && (mode & 0o1000) === 0),
  },
]
