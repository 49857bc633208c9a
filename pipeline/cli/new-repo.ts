import { showValue, visible } from '../core/show-value.ts'
import { CiSystem, NewRepo, nobody } from '../core/team-repo.ts'
import { MintmarkError } from '../errors.ts'
import { writeRepo } from '../stages/new-repo.ts'
import { answerProblems, newImage, refused } from './new-image.ts'
import { textOption } from './options.ts'
import type { RunVerb } from './verb.ts'

const hint =
  './mintmark init --repo golden-images --from https://github.com/OWNER/mintmark/releases/download/v1.2.3/mintmark-1.2.3.tgz'

/** An answer to the shell as one word: what it says is the team's, and a folder may have blanks in its name. */
const word = (text: string): string =>
  /^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** What is left to do before the first commit: a key of the machine that it is typed on signs nothing in CI. */
const nextOf: Readonly<Record<CiSystem, readonly string[]>> = {
  github: [
    './mintmark policy github --repository OWNER/NAME',
    'MINTMARK_SIGNER=kms:KEY ./mintmark verify --print-key',
  ],
  gitlab: ['MINTMARK_SIGNER=kms:KEY ./mintmark verify --print-key'],
  none: ['./mintmark verify --print-key'],
}

/** `init --repo [FOLDER]`: a team's own repository. Again with the same answers there is nothing to do. @throws MintmarkError USAGE */
export const newRepo: RunVerb = async ({ world, args, options }) => {
  const folder = args[0] ?? '.'
  const from = textOption(options, 'from')
  if (from === null)
    throw new MintmarkError('USAGE', 'init --repo needs --from: the release of mintmark to use', {
      hint: `${hint}; or a file of \`npm pack\``,
    })
  const told = NewRepo.safeParse(
    {
      ci: textOption(options, 'ci') ?? CiSystem.enum.github,
      securityTeam: textOption(options, 'securityTeam') ?? nobody,
    },
    { reportInput: true },
  )
  if (!told.success) throw refused(answerProblems(told.error.issues))
  const there = { ...world, places: { ...world.places, root: folder } }
  const name = textOption(options, 'image') ?? textOption(options, 'os') ?? 'debian-13'
  const image = await newImage(there, name, options)
  const { written, tarball } = await writeRepo(world, { folder, from, image, repo: told.data })
  const next = [
    ...(folder === '.' ? [] : [`cd ${word(folder)}`]),
    'npm ci && npm test',
    `./mintmark base update ${image.name}`,
    `./mintmark release ${image.name} --yes`,
    ...nextOf[told.data.ci],
    "git init -b main && git add . && git commit -m 'Golden images'",
  ]
  const { version } = tarball.package
  const lines =
    written.length === 0
      ? [`${folder} has all of it already: nothing to do`]
      : [
          `${folder} is a repository for golden images now: ${written.length} files`,
          ...written.map((path) => `  ${path}`),
          `mintmark ${version} from ${tarball.spec}`,
          `  ${tarball.integrity}`,
          '  compare it with what the release says',
          ...(told.data.securityTeam === nobody && told.data.ci !== 'none'
            ? [
                `CODEOWNERS names ${showValue(nobody)}, who is nobody: put your team there, or give --security-team`,
              ]
            : []),
          'scans/policies/trust.yaml believes nobody yet: every promotion fails until it has what `verify --print-key` prints',
          ...(told.data.ci === 'github'
            ? [
                '  with sigstore write an identity for each workflow there, or not even the first night is released',
              ]
            : []),
          'then:',
          ...next.map((line) => `  ${line}`),
        ]
  world.report.result(lines.map(visible).join('\n'), {
    folder,
    written,
    mintmark: { version, from: tarball.spec, integrity: tarball.integrity },
    next,
  })
  return undefined
}
