import type { Definition } from '../model/definition.ts'
import { isRegionApart } from './aws-regions.ts'
import { keyOfRegion } from './region-key.ts'
import { twice } from './repeated.ts'
import type { Finding } from './schema-findings.ts'

const targetPath = ['targets', 'aws']

/** What an AMI can't be made into, whatever it stands on. */
function checkMachine({ base, disk, machine }: Definition): readonly Finding[] {
  const findings: Finding[] = []
  const file = 'from' in base && base.from === 'image' ? base.file : undefined
  if (file !== undefined)
    findings.push({
      path: ['base', 'file'],
      text: `is "${file}", and targets.aws builds on an AMI: leave the file out, for the publisher's image`,
    })
  if (disk.layout !== 'simple')
    findings.push({
      path: ['disk', 'layout'],
      text: `is "${disk.layout}", and an official AMI keeps the layout that its publisher gave it: make an image of its own for targets.aws, without it`,
    })
  for (const field of ['secureBoot', 'tpm'] as const)
    if (machine[field])
      findings.push({
        path: ['machine', field],
        text: 'is true, which targets.aws does not test yet: make an image of its own for it, without it',
      })
  return findings
}

/** What does not fit together in `targets.aws`, and what of the rest of a definition does not fit to it. */
export function checkAws(definition: Definition): readonly Finding[] {
  const { aws } = definition.targets
  if (aws === undefined) return []
  const { region } = aws.build
  const keyless = aws.regions.filter((name) => keyOfRegion(aws, name) === null)
  const findings: Finding[] = [...twice([...targetPath, 'regions'], aws.regions), ...checkMachine(definition)]
  if (keyless.length > 0)
    findings.push({
      path: [...targetPath, 'encrypt', 'key'],
      text: `is "${aws.encrypt.key}", which is not of ${keyless.join(', ')}: name an alias that every region has, e.g. alias/golden, or give targets.aws.encrypt.regions`,
    })
  if (!aws.regions.includes(region))
    findings.push({
      path: [...targetPath, 'regions'],
      text: `is [${aws.regions.join(', ')}], without ${region}, where it is built: add ${region}`,
    })
  for (const [index, name] of aws.regions.entries())
    if (isRegionApart(name))
      findings.push({
        path: [...targetPath, 'regions', index],
        text: `is "${name}", and no image goes to China, to GovCloud or to isolated regions yet: name others, e.g. eu-west-1`,
      })
  return findings
}
