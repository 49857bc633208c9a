import {
  type AnnouncedFile,
  type AnnouncedVariant,
  announcementMarkdown,
  recordFile,
  reportFiles,
  sumsFile,
  tagOf,
} from '../core/announcement.ts'
import { sha256 } from '../core/digest.ts'
import { visible } from '../core/show-value.ts'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import type { GitHub, Release as GitHubRelease } from '../ports/github.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { locateRelease, locateVersion, type Release } from './read-release.ts'
import { verifyRelease } from './verify-release.ts'

export interface AnnounceInput {
  readonly ref: string
  /** Markdown; null for none. */
  readonly notes: string | null
  readonly trust: Trust
  readonly update: (text: string) => void
}

export interface Announced {
  readonly image: string
  readonly version: string
  readonly tag: string
  readonly url: string
  /** What this call attached; all others were there. */
  readonly attached: readonly string[]
  readonly files: readonly AnnouncedFile[]
  /** False: it was published before. */
  readonly published: boolean
}

/** GitHub takes 125,000 characters, and our own words have to fit in as well. */
const mostNotes = 60_000

interface Found extends AnnouncedVariant {
  readonly release: Release
}

/** Every variant of the version, verified. @throws MintmarkError NOT_FOUND, VERIFY_FAILED */
async function variantsOf(
  world: World,
  { ref, trust }: AnnounceInput,
): Promise<readonly [Found, ...Found[]]> {
  const { image, version } = await locateRelease(world, ref)
  const found: Found[] = []
  for (const located of await locateVersion(world, image, version)) {
    const { ok, anchored, links, release } = await verifyRelease(world, located, { ...trust, blobs: false })
    if (!ok || release === null)
      throw new MintmarkError(
        'VERIFY_FAILED',
        `${image}@${version} ${located.variant} is not what was signed`,
        {
          hint: `./mintmark verify ${image}@${version}`,
          details: links.filter((link) => !link.right).map((link) => `${link.name}: ${link.text}`),
        },
      )
    found.push({ release, anchored, predicate: release.statement.predicate })
  }
  const [first, ...others] = found
  if (first === undefined)
    throw new MintmarkError('INTERNAL', `${image}@${version} was found and has no record`)
  return [first, ...others]
}

async function filesOf(world: World, { release, predicate }: Found): Promise<readonly AnnouncedFile[]> {
  const files = [recordFile(predicate, release.text)]
  for (const { sha256, ...file } of reportFiles(predicate))
    files.push({ ...file, content: await world.catalog.getBlob(sha256) })
  return files
}

/** The commit that the images were made from; what this job checked out where a record does not say. */
function commitOf({ env }: World, variants: readonly Found[]): string {
  const commit = variants[0]?.predicate.source.commit ?? (env['GITHUB_SHA'] || null)
  if (commit !== null) return commit
  throw new MintmarkError('USAGE', 'the record names no commit, and neither does GITHUB_SHA', {
    hint: 'announce it in a job of GitHub Actions',
  })
}

/** @throws MintmarkError USAGE without a token */
function githubOf({ github }: World): GitHub {
  if (github !== undefined) return github
  throw new MintmarkError('USAGE', 'announce is for a job of GitHub Actions with a token, and this is none', {
    hint: 'give the step github.token as GITHUB_TOKEN, and the job the permission contents: write',
  })
}

/** What is left to attach. GitHub has no digest of what was attached long ago. */
const missing = (files: readonly AnnouncedFile[], { assets }: GitHubRelease): readonly AnnouncedFile[] =>
  files.filter(({ name, content }) => {
    const there = assets[name]
    const same = there?.bytes === content.length && (there.sha256 ?? sha256(content)) === sha256(content)
    return !same
  })

/** @throws MintmarkError CONFLICT for a tag on another commit, and for somebody else's release that there is anything left to do at */
async function refuseForeign(
  github: GitHub,
  wanted: { readonly tag: string; readonly commit: string; readonly files: readonly AnnouncedFile[] },
  before: GitHubRelease | null,
): Promise<void> {
  const { tag, commit, files } = wanted
  const tagged = await github.tag(tag)
  if (tagged !== null && tagged !== commit)
    throw new MintmarkError(
      'CONFLICT',
      `the tag ${tag} is on ${tagged}, and the release was made from ${commit}`,
      {
        hint: `remove the tag if nobody relies on it (git push --delete origin ${tag}), then run the same command again`,
      },
    )
  if (before === null || (!before.draft && missing(files, before).length === 0)) return
  const { author, draft, target, url } = before
  const me = await github.me()
  const kind = draft ? 'draft' : 'release'
  if (author !== me)
    throw new MintmarkError(
      'CONFLICT',
      `the ${kind} of ${tag} is by "${visible(author)}", and not by "${me}"`,
      {
        hint: `remove it at ${url}, or give it another tag, then run the same command again`,
      },
    )
  if (tagged === null && target !== commit)
    throw new MintmarkError(
      'CONFLICT',
      `the ${kind} of ${tag} would tag "${visible(target)}", and not ${commit}`,
      {
        hint: `remove it at ${url}, then run the same command again`,
      },
    )
}

/**
 * Tells of a release at GitHub: a draft first, then each file, then it is published. What was done before is looked up and not done
 * again, so that a killed run goes on; the text of an announcement that is there stays as it is.
 * @throws MintmarkError USAGE, NOT_FOUND; VERIFY_FAILED for what is not as it was signed; CONFLICT for a tag, a draft or a file that
 *   somebody else made in its place
 */
export async function announce(world: World, input: AnnounceInput): Promise<Announced> {
  const { notes, update } = input
  const github = githubOf(world)
  if (notes !== null && notes.length > mostNotes)
    throw new MintmarkError('USAGE', `--notes has ${notes.length} characters: at most ${mostNotes} are kept`)
  update('verifying the release')
  const variants = await variantsOf(world, input)
  const [{ predicate }] = variants
  const { image, version } = predicate
  const own = (await Promise.all(variants.map((variant) => filesOf(world, variant)))).flat()
  const files = [...own, sumsFile(own)]
  const tag = tagOf(image, version)
  update(`looking for ${tag}`)
  const commit = commitOf(world, variants)
  const before = await github.release(tag)
  await refuseForeign(github, { tag, commit, files }, before)
  const inChannel = variants.some(({ release }) => release.channels.some((name) => name !== firstChannel))
  const draft =
    before ??
    (await github.createRelease({
      tag,
      commit,
      name: `${image} ${version}`,
      body: announcementMarkdown(notes, variants),
      prerelease: !inChannel,
    }))
  const attached: string[] = []
  for (const { name, mediaType, content } of missing(files, draft)) {
    update(`attaching ${name}`)
    await github.uploadAsset(draft, { name, mediaType, bytes: content })
    attached.push(name)
  }
  if (draft.draft) await github.publishRelease(draft)
  // A draft's own address leads nowhere once it is published.
  const url = (draft.draft ? await github.release(tag) : draft)?.url ?? draft.url
  return { image, version, tag, url, attached, files, published: draft.draft }
}
