/** Places in the image that a file of a definition can't have, and why. */
const owned: readonly (readonly [place: RegExp, why: string])[] = [
  [
    /^\/(?:proc|sys|dev|run|var\/run|var\/lock)(?:\/|$)/,
    'it is made anew at each start: what is put there is gone',
  ],
  [
    /^\/(?:tmp|var\/tmp|var\/log|var\/mail|var\/spool\/mail|var\/crash|var\/cache\/(?:apt|man))(?:\/|$)/,
    'the build wipes it at its end; a service makes its folders by tmpfiles.d (/etc/tmpfiles.d/NAME.conf)',
  ],
  [/^\/boot(?:\/|$)|^\/lib\/modules\//, 'the kernel packages own it'],
  [/^\/etc\/machine-id$|^\/var\/lib\/dbus\/machine-id$/, 'each instance makes its own'],
  [/^\/etc\/ssh\/ssh_host_/, 'each instance makes its own host keys: a key in an image is shared by all'],
  [
    /^\/etc\/g?shadow-?$|^\/etc\/(?:passwd|group)-?$|^\/etc\/sub[ug]id-?$/,
    'packages and the build own the accounts: make one in a step by useradd',
  ],
  [/^\/etc\/fstab$/, 'the disk layout decides it: see disk.layout'],
  [/^\/etc\/(?:hostname|hosts)$/, 'the build writes it anew at its end'],
  [/^\/etc\/resolv\.conf$/, 'each instance writes its own'],
  [
    /^\/root\/\.(?:cache|local|config|ansible|ssh)(?:\/(?!authorized_keys)|$)/,
    'the build wipes it at its end',
  ],
  [/^\/etc\/os-release$|^\/usr\/lib\/os-release$/, 'the build stamps the version of the image into it'],
  [/^\/etc\/(?:sysconfig\/)?nftables\.conf$/, 'the build writes the firewall: name ports in content.ports'],
  [
    /^\/var\/lib\/(?:dpkg|apt|rpm|dnf|cloud)(?:\/|$)|^\/usr\/lib\/sysimage\/rpm(?:\/|$)/,
    'the package manager and cloud-init keep their state there',
  ],
  [
    /^\/etc\/authselect\/|^\/etc\/pam\.d\/(?:system-auth|password-auth)$/,
    'the hardening writes the PAM stacks (kind pam-stack)',
  ],
  [
    /^\/etc\/(?:apt\/sources\.list(?:$|\.d\/)|yum\.repos\.d\/)/,
    'the build writes it: name the repository in content.repos',
  ],
  [/(?:^|\/)\.ssh\/authorized_keys/, 'a key in an image logs in everywhere: instances get theirs at launch'],
  [/^\/usr\/sbin\/mintmark-check$/, 'the check of the image goes there'],
]

/** Why a file of a definition can't go there; null when it can. */
export const whyOwned = (path: string): string | null =>
  owned.find(([place]) => place.test(path))?.[1] ?? null
