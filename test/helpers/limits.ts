import { nodeExec } from '../../pipeline/ports/exec.ts'

const exec = nodeExec(new AbortController().signal)

/** Mounts are private to the command, and go with it: nothing is left mounted, and root is not needed. */
function inOwnMounts(script: string, args: readonly string[]): readonly string[] {
  const asUser = exec.isRoot ? [] : ['--user', '--map-root-user']
  return [
    'unshare',
    ...asUser,
    '--mount',
    'sh',
    '-euc',
    `${script}; shift "$0"; exec "$@"`,
    String(args.length),
    ...args,
  ]
}

/** argv before a command that finds a nearly full disk at the folder: what the folder holds, and so many KiB free (at least a page). */
export const fullDisk = (folder: string, freeKib: number): readonly string[] =>
  inOwnMounts(
    `held=$(mktemp -d); cp -a "$1/." "$held"; mount -t tmpfs -o mode=0700 tmpfs "$1"; cp -a "$held/." "$1"; rm -rf "$held"
used=$(df -k --output=used "$1" | tail -n 1); mount -o "remount,size=$((used + $2))k" "$1"`,
    [folder, String(freeKib)],
  )

/** argv before a command that can only read what is in the folder. */
export const readOnly = (folder: string): readonly string[] =>
  inOwnMounts('mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"', [folder])

/** argv before a command that may write no file larger than this. */
export const smallFiles = (bytes: number): readonly string[] => ['prlimit', `--fsize=${bytes}`]

/** argv before a command that obeys modes even as root. */
export const withoutPowers: readonly string[] = exec.isRoot
  ? ['setpriv', '--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all']
  : []
