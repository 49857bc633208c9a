import { size } from '../../core/size.ts'
import { MintmarkError } from '../../errors.ts'
import { loadDefinition } from '../../stages/load-definition.ts'
import { type Released, release } from '../../stages/release.ts'
import { ensureTools } from '../../stages/setup.ts'
import { duration } from '../duration.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

function vulnerabilities(outputs: Released['outputs']): string {
  const { gate, scan } = outputs
  if (gate?.vulnerability !== 'judged') {
    const why = scan?.databaseProblem ?? 'no database could be had'
    return `unknown: ${why}; give one with --trivy-db FOLDER|OCI-REFERENCE, needed for any channel but nightly`
  }
  const counts = Object.entries(gate.counts).filter(([, count]) => count.fixable + count.unfixed > 0)
  if (counts.length === 0) return '0 known'
  return counts
    .map(
      ([severity, count]) =>
        `${severity.toLowerCase()} ${count.fixable} fixable, ${count.unfixed} without a fix`,
    )
    .join(' · ')
}

export const run: RunVerb = async ({ world, args, options }) => {
  const [image = ''] = args
  const began = world.clock.now().getTime()
  // A misspelt name or a wrong field is told before anything is installed.
  await loadDefinition(world, image)
  await ensureTools(world, 'release', options['yes'] === true)
  const released = await release(world, {
    image,
    trivyDb: textOption(options, 'trivyDb'),
    asked: textOption(options, 'releaseVersion'),
    fresh: options['fresh'] === true,
  })
  const { build, test, gate, record } = released.outputs
  if (build === undefined || gate === undefined || record === undefined)
    throw new MintmarkError('INTERNAL', 'a finished run lacks a result')
  const controls = test?.controls.find((item) => item.where !== 'sealed')?.results ?? build.controls
  const spent = duration(world.clock.now().getTime() - began)
  const lines = [
    `${image} ${released.version} → ${record.channel}  image sha256:${build.artifact.sha256.slice(0, 12)}…  ${size(build.artifact.bytes)}  ${controls.filter((item) => item.status === 'pass').length} of ${controls.length} controls  ${spent}`,
    `log in:  ./mintmark boot ${image}        remove everything:  ./mintmark clean`,
    `vulnerabilities: ${vulnerabilities(released.outputs)}`,
  ]
  world.report.result(lines.join('\n'), {
    image,
    version: released.version,
    channel: record.channel,
    sha256: build.artifact.sha256,
    bytes: build.artifact.bytes,
    record: record.record,
    vulnerability: gate.vulnerability,
    run: released.run.runId,
  })
  return 0
}
