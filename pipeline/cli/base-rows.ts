import type { RecordedBase } from '../model/base.ts'
import { localTime } from './local-time.ts'

type Row = readonly [name: string, text: string]

function lifecycleRows({ lifecycle }: RecordedBase): readonly Row[] {
  if (lifecycle === undefined) return []
  const until = lifecycle.until === null ? '' : ` until ${lifecycle.until}`
  return [['', `lifecycle: ${lifecycle.state}${until} (${lifecycle.source})`]]
}

/** The base of a recorded image for an auditor: what it is, and what proves that. */
export function baseRows(base: RecordedBase): readonly Row[] {
  switch (base.from) {
    case 'archive':
      return [
        [
          'base',
          `${base.distribution} ${base.version} (${base.codename}), ${base.arch}, ${base.packages.count} packages`,
        ],
        ['', `bootstrapped ${localTime(base.bootstrapped)}, base sha256:${base.id}`],
        ...lifecycleRows(base),
        ...base.suites.map(
          (suite): Row => [
            '',
            `${suite.suite}: InRelease sha256:${suite.inRelease} of ${localTime(suite.date)}`,
          ],
        ),
        ...base.suites.map((suite): Row => ['', `${suite.suite}: signed by ${suite.signedBy.join(', ')}`]),
      ]
    case 'image':
      return [
        ['base', `${base.distribution} ${base.release}, ${base.arch}, image ${base.name}`],
        ['', `of ${localTime(base.built)}, sha256:${base.id}`],
        ...lifecycleRows(base),
        ['', base.url ?? 'a local file of the team: no publisher vouches for it'],
        base.signature === null
          ? ['', 'signature: none']
          : [
              '',
              `${base.checksums?.name} sha256:${base.checksums?.sha256}, signed by ${base.signature.fingerprint} (${base.signature.name}) ${localTime(base.signature.made)}`,
            ],
      ]
    case 'ami':
      return [
        ['base', `${base.distribution} ${base.release}, ${base.arch}, AMI ${base.name}`],
        ['', `of ${localTime(base.built)}, ${base.imageId} in ${base.region}, snapshot ${base.snapshot}`],
        ['', `owner ${base.owner} (${base.publisher}), base sha256:${base.id}`],
        ...lifecycleRows(base),
      ]
    case 'parent':
      return [
        [
          'base',
          `${base.image}@${base.imageVersion} (${base.channel}), ${base.distribution} ${base.version}, ${base.arch}`,
        ],
        ['', `record sha256:${base.record} of ${localTime(base.created)}, image sha256:${base.artifact}`],
        ...lifecycleRows(base),
        ...base.ancestry.map(({ from, id, name }): Row => ['', `on ${name} (${from}) sha256:${id}`]),
      ]
  }
}
