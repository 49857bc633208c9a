import { markdownText } from '../core/report/render-markdown.ts'
import { partlyDone } from '../errors.ts'
import { behindLines, type Distribution } from '../stages/distribute.ts'

/** Where a release is by now and where it is not; nothing where the catalog is the only place. */
export const distributionLines = (distribution: Distribution): readonly string[] => [
  ...distribution.images.map(({ region, version, imageId }) => `✓ ${region}  ${version}  ${imageId}`),
  ...distribution.notes.map((text) => `note: ${text}`),
  ...behindLines(distribution),
  ...(distribution.behind.length === 0 ? [] : ['what is left is done by the same command, run again']),
]

/** The same for the page of a CI job. */
export const distributionMarkdown = (distribution: Distribution): string => {
  const lines = distributionLines(distribution)
  return lines.length === 0
    ? ''
    : `\n### Where it is\n\n${lines.map((text) => `- ${markdownText(text)}`).join('\n')}\n`
}

/** Nothing where there are no places of its own, so that what a program reads stays as it was. */
export const distributionData = (distribution: Distribution): { readonly distribution?: Distribution } =>
  Object.values(distribution).every((items: readonly unknown[]) => items.length === 0) ? {} : { distribution }

/** 10 when a place stays behind. */
export const distributionExit = ({ behind }: Distribution): 0 | typeof partlyDone =>
  behind.length === 0 ? 0 : partlyDone
