import { actor, consent, database, exploited, second, target, trust } from './common-options.ts'
import { initOptions } from './init-options.ts'
import { stageVerb } from './stage-verb.ts'
import type { RunVerb } from './verb.ts'

/** One line of the table that help, parsing and the README's list come from. */
export interface Verb {
  readonly name: string
  readonly summary: string
  readonly group: 'everyday' | 'also' | 'plumbing'
  /** In commander's form: `<image>`, `[ref]`. */
  readonly args: string
  /** `many`: may be given several times; the values arrive with commas between them. */
  readonly options: readonly (readonly [flags: string, help: string, many?: 'many'])[]
  readonly load: () => Promise<{ readonly run: RunVerb }>
}

export const verbs: readonly Verb[] = [
  {
    name: 'setup',
    summary: 'install what is missing: Debian packages, Packer, its plugin, Trivy',
    group: 'everyday',
    args: '',
    options: [
      consent,
      [
        '--for <purpose>',
        'release (default), ansible, tpm, grype, share, aws, test or workflows; may be given several times',
        'many',
      ],
    ],
    load: () => import('./verbs/setup.ts'),
  },
  {
    name: 'doctor',
    summary: 'show every tool: found, version, where from, accepted or why not',
    group: 'everyday',
    args: '',
    options: [],
    load: () => import('./verbs/doctor.ts'),
  },
  {
    name: 'init',
    summary: "write the definition of a new image, or with --repo a team's own repository",
    group: 'everyday',
    args: '[name]',
    options: initOptions,
    load: () => import('./verbs/init.ts'),
  },
  {
    name: 'release',
    summary: 'make a golden image: build, harden, test, scan, gate, record',
    group: 'everyday',
    args: '<image>',
    options: [
      consent,
      target,
      database,
      exploited,
      ...second,
      ['--release-version <version>', 'MAJOR.MINOR.PATCH instead of the derived one'],
      ['--run <id>', 'an id that the jobs of several variants share, to make one version (or $MINTMARK_RUN)'],
      ['--fresh', 'build anyway: also when nothing changed, and not going on with a stopped run'],
      ['--emergency', 'ship although findings reject it, if it is no worse than the current release'],
      ['--reason <text>', 'why it is an emergency; it goes into the record'],
    ],
    load: () => import('./verbs/release.ts'),
  },
  {
    name: 'releases',
    summary: 'list what was released',
    group: 'everyday',
    args: '[image]',
    options: [['--history [channel]', 'where its channels have been: when, from, to, who, why']],
    load: () => import('./verbs/releases.ts'),
  },
  {
    name: 'show',
    summary: 'all that is known of a release, for an auditor',
    group: 'everyday',
    args: '<ref>',
    options: [
      trust,
      ['--report <form>', 'print its report instead: html, json, md or sarif'],
      ['-o, --output <file>', 'write that report to a file'],
      ['--lang <language>', 'of that report: en or zh (default: as it is stored)'],
      ['--stored', 'that report byte for byte as the record names it: without what happened since'],
    ],
    load: () => import('./verbs/show.ts'),
  },
  {
    name: 'boot',
    summary: 'start a throw-away machine from a release and print the ssh line',
    group: 'everyday',
    args: '<ref>',
    options: [
      ['--key <file>', 'public key that may log in (default: yours, else one for this machine alone)'],
      ['--memory <MiB>', 'of the machine (default: 1024)'],
      ['--timeout <seconds>', 'how long to wait for the login (default: 300)'],
    ],
    load: () => import('./verbs/boot.ts'),
  },
  {
    name: 'share',
    summary:
      'who gets what a channel points to and who loses it: plan shows it, apply does it, prove looks from the other side',
    group: 'everyday',
    args: '<plan|apply|prove> <image>',
    options: [
      ['--channel <name>', 'only this channel (default: all that share)'],
      ['--plan <digest>', 'for apply: the plan that was printed and is now accepted'],
      actor,
      ['--markdown', 'for plan: for a pull request'],
      ['--detailed-exitcode', 'for plan: exit 6 when something is to be done'],
      ['--role <arn>', 'for prove: the role of somebody who gets the image'],
      ['--region <region>', 'for prove: only there (default: all of the definition)'],
      ['--subnet <id>', 'for prove: where an instance would stand (default: where the account puts it)'],
    ],
    load: () => import('./verbs/share.ts'),
  },
  {
    name: 'promote',
    summary: 'move a channel to a release that has all that the channel needs',
    group: 'everyday',
    args: '<ref> <channel>',
    options: [
      actor,
      database,
      exploited,
      ['--dry-run', 'only say what it has and what it lacks'],
      ['--detailed-exitcode', 'with --dry-run: exit 6 when the channel would move'],
    ],
    load: () => import('./verbs/promote.ts'),
  },
  {
    name: 'rollback',
    summary: 'move a channel back to a release that it had',
    group: 'everyday',
    args: '<image> <channel>',
    options: [
      ['--reason <text>', 'why; it goes into the history of the channel'],
      ['--to <version>', 'one that the channel had (default: the one before)'],
      ['--accept-findings', 'although the older release has findings that the current one has not'],
      actor,
      database,
      exploited,
    ],
    load: () => import('./verbs/rollback.ts'),
  },
  {
    name: 'verify',
    summary: 'check signatures and digests of a release, a record or an image file',
    group: 'everyday',
    args: '[ref]',
    options: [
      trust,
      ['--sigstore-root <file>', "Sigstore's trusted root; else scans/policies/sigstore-root.json"],
      ['--print-key', 'print who signs here, as an entry of scans/policies/trust.yaml'],
    ],
    load: () => import('./verbs/verify.ts'),
  },
  {
    name: 'clean',
    summary: 'remove what mintmark holds on this machine, after showing it',
    group: 'everyday',
    args: '',
    options: [
      ['--runs', 'only run folders'],
      [
        '--target <id>',
        'instead what older runs left there, e.g. aws: instances, keys, groups, images of no release',
      ],
      ['--plan <id>', 'the plan that was printed and is now accepted'],
    ],
    load: () => import('./verbs/clean.ts'),
  },
  {
    name: 'outputs',
    summary: 'a release as values for other tools',
    group: 'also',
    args: '<ref>',
    options: [
      ['--format <format>', 'json (default), env, tfvars, terraform, cloudformation or ansible'],
      ['--region <region>', 'the id of this region; without: of the region that it was built in'],
      [
        '--by <lookup>',
        "for terraform, cloudformation and ansible: parameter (default), of the publisher's account, or owner, for accounts that it is shared with",
      ],
      trust,
    ],
    load: () => import('./verbs/outputs.ts'),
  },
  {
    name: 'diff',
    summary: 'what is different between two releases: packages, findings, controls, facts, files',
    group: 'also',
    args: '<from> <to>',
    options: [
      ['--files', 'compare the files of both disks as well (about a minute)'],
      ['--markdown', 'for a pull request or release notes'],
      ['--detailed-exitcode', 'exit 6 when they are different images'],
    ],
    load: () => import('./verbs/diff.ts'),
  },
  {
    name: 'approve',
    summary: 'look at what would come into a channel, and accept it',
    group: 'also',
    args: '<ref> <channel>',
    options: [
      ['--diff <sha256>', 'digest of the diff that was seen: accepts it (without: only shows it)'],
      ['--comment <text>', 'for whoever asks later'],
      ['--markdown', 'show the diff for a pull request'],
      actor,
      [
        '--reviewed <environment>',
        "accepted by who let this GitHub run into that environment, who is not who asked for it; with the look's outputs:",
      ],
      ['--sharing <digest>', 'with --reviewed: of the plan of sharing that they saw'],
      ['--reviews <list>', 'with --reviewed: the reviews before the look, which do not count'],
      database,
      exploited,
    ],
    load: () => import('./verbs/approve.ts'),
  },
  {
    name: 'announce',
    summary: 'a release at GitHub with record, provenance, SBOMs and report of each variant; never the image',
    group: 'also',
    args: '<ref>',
    options: [['--notes <text>', 'Markdown for whoever uses the image, above the facts'], trust],
    load: () => import('./verbs/announce.ts'),
  },
  {
    name: 'evidence',
    summary: 'all that is known of a release as one zip, to be checked without mintmark',
    group: 'also',
    args: '<ref>',
    options: [
      ['-o, --output <file>', 'where to (default: IMAGE-VERSION-VARIANT-evidence.zip, here)'],
      ['--force', 'replace that file'],
      ['--incomplete', 'pack although something is not as it was signed; the archive says so'],
      trust,
    ],
    load: () => import('./verbs/evidence.ts'),
  },
  {
    name: 'waive',
    summary: 'answer for a finding, for a time: written into scans/waivers',
    group: 'also',
    args: '<vulnerability>',
    options: [
      ['--package <name>', 'the installed package; may be given several times', 'many'],
      ['--reason <text>', 'why, for an auditor'],
      ['--until <day>', 'the last day that it holds, e.g. 2027-03-31'],
      ['--owner <team>', "the team that answers for it (default: the image's owner, or the only team)"],
      ['--image <name>', 'for this image only (default: for all)'],
      [
        '--status <status>',
        'affected (default: the risk is accepted), not_affected, fixed or under_investigation',
      ],
    ],
    load: () => import('./verbs/waive.ts'),
  },
  {
    name: 'rescan',
    summary: "judge released images by today's advisories and policy; nothing is rebuilt",
    group: 'also',
    args: '[image...]',
    options: [
      database,
      exploited,
      ['--channel <name>', 'only what this channel points to (default: what any channel points to)'],
      ['--all', 'every release'],
      ['--issues', 'in a GitHub job: keep one issue for each image that is not as it should be'],
    ],
    load: () => import('./verbs/rescan.ts'),
  },
  {
    name: 'watch',
    summary:
      'what needs a person: bases, channels, exceptions and waivers that age, builds that fail each night',
    group: 'also',
    args: '[image...]',
    options: [
      ['--github', 'the last nights too (in a job of GitHub, with a token)'],
      ['--workflow <file>', 'whose runs are the nights (default: nightly.yml)'],
      ['--issue', 'keep one issue that tells it, closed when nothing is left; with --github'],
      ['--detailed-exitcode', 'exit 6 when there is something'],
    ],
    load: () => import('./verbs/watch.ts'),
  },
  {
    name: 'catalog',
    summary:
      'check that every record, pointer and image of the catalog is there and unchanged; restore from copies',
    group: 'also',
    args: '<check>',
    options: [
      ['--repair', 'restore missing and corrupt blobs where a copy is left'],
      ['--from <catalog>', 'another catalog to copy from: a folder or s3://bucket/prefix'],
    ],
    load: () => import('./verbs/catalog.ts'),
  },
  {
    name: 'policy',
    summary:
      "the permissions that this tool takes of a cloud's account, by role; or what a repository at GitHub needs",
    group: 'also',
    args: '<target>',
    options: [
      ['--role <role>', 'builder, publisher, reader, consumer or oidc (default: all): that document alone'],
      ['--image <image>', 'for the account, regions and key of this definition alone'],
      ['--account <id>', 'for this account: 12 digits'],
      ['--region <region>', 'for this region alone; may be given several times', 'many'],
      ['--repository <name>', 'oidc, github: OWNER/NAME or OWNER@ID/NAME@ID, whose jobs may take the role'],
      [
        '--environment <name>',
        'oidc: of its jobs those of this environment; may be given several times',
        'many',
      ],
      ['--branch <name>', 'oidc: of its jobs those of this branch; may be given several times', 'many'],
    ],
    load: () => import('./verbs/policy.ts'),
  },
  {
    name: 'base',
    summary: 'show what the base is, or move its lock (the only verb that does)',
    group: 'plumbing',
    args: '<show|update> [image...]',
    options: [
      target,
      ['--pr', 'print what moved as Markdown, for a pull request'],
      [
        '--pull-request',
        'of several images or all: keep one pull request with what moved (in a job of GitHub)',
      ],
    ],
    load: () => import('./verbs/base.ts'),
  },
  stageVerb('render', 'render the bundle of a run again'),
  stageVerb('build', 'build the image of a run again'),
  stageVerb('test', 'boot the image of a run again and look at it'),
  stageVerb('scan', 'scan the image of a run again'),
  stageVerb('gate', 'judge a run again'),
  {
    name: 'matrix',
    summary: "plan a workflow's jobs: image x target x architecture, as GitHub's strategy.matrix takes it",
    group: 'plumbing',
    args: '[image...]',
    options: [
      ['--target <id>', 'only jobs of these targets (default: all of each definition)', 'many'],
      ['--changed', 'only images of which a variant would come to something new'],
      ['--reserve', 'take the version of each image now, so that all its jobs build it'],
      ['--run <id>', "what the jobs of an image share (default: $MINTMARK_RUN, or the GitHub run's)"],
      ['--single', 'a release by hand, of exactly one image: what would be refused later is refused now'],
      ['--release-version <version>', 'with --single: MAJOR.MINOR.PATCH instead of the derived one'],
      ['--bump <level>', 'with --single: major, minor or patch, if the changes ask no more (default: auto)'],
      ['--channel <name>', 'with --single: where it is to be promoted to (default: nowhere)'],
      ['--emergency', 'with --single: ship although findings reject it (or $MINTMARK_EMERGENCY)'],
      ['--reason <text>', 'why it is an emergency (or $MINTMARK_EMERGENCY_REASON)'],
      database,
      exploited,
      ...second,
    ],
    load: () => import('./verbs/matrix.ts'),
  },
  {
    name: 'review',
    summary:
      'check definitions, and say what their share lists would change: of a folder, as data, or our own',
    group: 'plumbing',
    args: '[folder]',
    options: [
      ['--schema', 'only whether they are well written; nobody is asked'],
      [
        '--render',
        'of our own: what each renders to as well, and whether policies, waivers and trust can be read',
      ],
      ['--comment', 'in the GitHub job of a pull request: keep one comment there that says the same'],
    ],
    load: () => import('./verbs/review.ts'),
  },
  {
    name: 'coverage',
    summary: 'which requirement of a benchmark is covered by which control',
    group: 'plumbing',
    args: '[benchmark]',
    options: [],
    load: () => import('./verbs/coverage.ts'),
  },
  {
    name: 'explain',
    summary: 'what a control is for and what it does',
    group: 'plumbing',
    args: '<control>',
    options: [],
    load: () => import('./verbs/explain.ts'),
  },
]
