/** Files that differ between two builds of the same inputs, and why. Paths are absolute; they are listed, never left out. */
export const expectedDifferences: readonly { readonly path: RegExp; readonly reason: string }[] = [
  { path: /^\/(?:usr\/lib|etc)\/os-release$/, reason: 'IMAGE_VERSION names the release' },
  { path: /^\/var\/cache\/ldconfig\/aux-cache$/, reason: 'ldconfig keeps times and inode numbers in it' },
  { path: /^\/var\/cache\/apt\/(?:src)?pkgcache\.bin$/, reason: "apt's cache, made again at each start" },
  { path: /^\/var\/cache\/debconf\//, reason: 'debconf writes its answers in the order of the installation' },
  {
    path: /^\/var\/lib\/dpkg\/(?:status|diversions|statoverride)-old$/,
    reason: "dpkg's state before its last run",
  },
  { path: /\/__pycache__\/[^/]+\.pyc$/, reason: 'Python keeps the time of the source in it' },
  { path: /^\/boot\/initrd\.img-/, reason: 'made in the image; the times of the build are in it' },
  { path: /^\/boot\/grub\/grubenv$/, reason: 'state of the boot loader' },
  { path: /^\/etc\/shadow-?$/, reason: 'holds the day on which a password was last changed' },
  { path: /^\/var\/log\//, reason: 'a log' },
  { path: /^\/var\/lib\/aide\//, reason: 'a database of the times and inode numbers of files' },
  {
    path: /^\/(?:etc\/fstab|boot\/grub\/grub\.cfg|boot\/efi\/EFI\/.+\/grub\.cfg)$/,
    reason: 'names the file systems, whose ids come from the base',
  },
]

/** Why this path may differ, or null when nothing explains it. */
export const expectedReason = (path: string): string | null =>
  expectedDifferences.find((item) => item.path.test(path))?.reason ?? null
