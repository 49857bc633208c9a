import type { LifecycleRow } from '../model/lifecycle.ts'

type Dates = readonly [regular: string, lts: string | null, extended: string | null]

const row =
  (family: string, source: string) =>
  (release: string, codename: string | null, [regular, lts, extended]: Dates): LifecycleRow => ({
    family,
    release,
    codename,
    regular,
    lts,
    extended,
    denied: null,
    source,
  })

// Columns eol, eol-lts and eol-elts.
const debian = row('debian', 'package distro-info-data 0.66+deb13u2, /usr/share/distro-info/debian.csv')
// Columns eol-server and eol-esm; what follows ESM (eol-legacy) is left out: the longest of these counts as extended.
const ubuntu = row('ubuntu', 'package distro-info-data 0.66+deb13u2, /usr/share/distro-info/ubuntu.csv')
const rocky = row('rocky', 'SUPPORT_END in /etc/os-release of the release itself (package rocky-release)')
// End of maintenance support; what follows (extended life) is paid, and of no date here.
const redHat = row('rhel', 'https://access.redhat.com/support/policy/updates/errata')
const amazon = row('amazon-linux', 'https://docs.aws.amazon.com/linux/al2023/ug/release-cadence.html')

/**
 * How long each release is supported, by whom that was said. To deny one (a team's rule, whatever the dates say), give its
 * row a `denied: 'why'`.
 */
export const lifecycles: readonly LifecycleRow[] = [
  debian('10', 'buster', ['2022-09-10', '2024-06-30', '2029-06-30']),
  debian('11', 'bullseye', ['2024-08-14', '2026-08-31', '2031-06-30']),
  debian('12', 'bookworm', ['2026-07-11', '2028-06-30', '2033-06-30']),
  debian('13', 'trixie', ['2028-08-09', '2030-06-30', '2035-06-30']),
  ubuntu('20.04', 'focal', ['2025-05-29', null, '2030-04-23']),
  ubuntu('22.04', 'jammy', ['2027-06-01', null, '2032-04-21']),
  ubuntu('24.04', 'noble', ['2029-05-31', null, '2034-04-25']),
  ubuntu('26.04', 'resolute', ['2031-05-29', null, '2036-04-23']),
  rocky('8', null, ['2029-05-31', null, null]),
  rocky('9', null, ['2032-05-31', null, null]),
  redHat('9', null, ['2032-05-31', null, null]),
  // Its own words are standard support and maintenance: after the first, security updates and critical fixes only.
  amazon('2023', null, ['2027-06-30', '2029-06-30', null]),
]
