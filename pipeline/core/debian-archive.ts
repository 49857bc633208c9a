import { MintmarkError } from '../errors.ts'
import { ArchiveLock } from '../model/base.ts'

type PinnedKey = ArchiveLock['keys'][number]

const origin =
  'package debian-archive-keyring 2023.3+deb12u2, published at https://ftp-master.debian.org/keys.html'

const key = (fingerprint: string, name: string): PinnedKey => ({ fingerprint, name, origin })

/** Debian's releases that a base can be, with the primary keys that its own archive signs them with. */
const releases: Readonly<Record<string, { readonly codename: string; readonly keys: readonly PinnedKey[] }>> =
  {
    12: {
      codename: 'bookworm',
      keys: [
        key('B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8', 'Debian Archive Automatic Signing Key (12/bookworm)'),
        key(
          '05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0',
          'Debian Security Archive Automatic Signing Key (12/bookworm)',
        ),
        key('4D64FEC119C2029067D6E791F8D2585B8783D481', 'Debian Stable Release Key (12/bookworm)'),
      ],
    },
    13: {
      codename: 'trixie',
      keys: [
        key('04B54C3CDCA79751B16BC6B5225629DF75B188BD', 'Debian Archive Automatic Signing Key (13/trixie)'),
        key(
          '5E04A1E3223A19A20706E20F9904613D4CCE68C6',
          'Debian Security Archive Automatic Signing Key (13/trixie)',
        ),
        key('41587F7DB8C774BCCF131416762F67A0B2C39DE4', 'Debian Stable Release Key (13/trixie)'),
      ],
    },
  }

/** One suite that a base takes packages from. */
export interface Suite {
  /** As it is named in the archive and in apt's sources, e.g. trixie-updates; equals its Codename. */
  readonly name: string
  /** Which of the mirror's two archives has it. */
  readonly archive: 'archive' | 'security'
  readonly label: string
  /** What follows the changing alias (stable, oldstable, ...) in the field Suite. */
  readonly suffix: '' | '-updates' | '-security'
}

/** The suites of a release: the point release, what was added since, and the security updates. */
export function suitesOf(codename: string): readonly Suite[] {
  return [
    { name: codename, archive: 'archive', label: 'Debian', suffix: '' },
    { name: `${codename}-updates`, archive: 'archive', label: 'Debian', suffix: '-updates' },
    { name: `${codename}-security`, archive: 'security', label: 'Debian-Security', suffix: '-security' },
  ]
}

/**
 * The lock that an image of this release starts with: Debian's keys and no floor yet.
 * @throws MintmarkError NOT_FOUND for a release that is not in the table
 */
export function firstLock(release: string, now: Date): ArchiveLock {
  const known = releases[release]
  if (known === undefined)
    throw new MintmarkError('NOT_FOUND', `debian ${release} is no release that a base can be made of`)
  return ArchiveLock.parse({
    schema: 1,
    from: 'archive',
    distribution: 'debian',
    release,
    codename: known.codename,
    keys: known.keys,
    floor: {},
    updated: now.toISOString(),
  })
}
