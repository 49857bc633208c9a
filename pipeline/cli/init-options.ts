import type { Verb } from './verbs.ts'

/** What `init` asks, and what else `init --repo` has to know. */
export const initOptions: Verb['options'] = [
  ['--os <system>', 'debian-13 (default), debian-12, ubuntu-24.04, rocky-9, ...'],
  ['--base <base>', "archive (default), image (the publisher's), or IMAGE@CHANNEL (one of yours)"],
  ['--owner <team>', 'the team that answers for it, e.g. team-platform'],
  ['--package <name>', 'to install; may be given several times', 'many'],
  ['--port <number>', 'TCP port to open besides 22; may be given several times', 'many'],
  ['--profile <name>', 'of hardening/profiles (default: baseline)'],
  ['--layout <layout>', 'simple (default) or cis'],
  ['--size <size>', 'of the disk, e.g. 8G (default: 4G)'],
  ['--repo', "a team's own repository instead, into the folder that the name says (default: this one)"],
  ['--from <tarball>', 'with --repo: the release of mintmark to use, by its https address or as a file'],
  ['--image <name>', 'with --repo: the first definition (default: the name of its system)'],
  ['--ci <system>', 'with --repo: github (default), gitlab or none'],
  [
    '--security-team <team>',
    'with --repo: who answers for share lists, waivers and trust, e.g. @corp/security',
  ],
]
