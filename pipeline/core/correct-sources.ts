import { MintmarkError } from '../errors.ts'
import { CycloneDx } from '../model/trivy.ts'

interface Source {
  readonly name: string
  /** upstream-revision, without an epoch. */
  readonly version: string
}

/**
 * Debian signs some packages by a second source package, and lists advisories under the first one only. The version of
 * the signed source holds that of the first, with `+` for its `-`.
 */
const signed: readonly { readonly source: RegExp; readonly name: string; readonly version: RegExp }[] = [
  // linux-signed-amd64 6.12.48+1 is linux 6.12.48-1
  { source: /^linux-signed-[a-z0-9]+$/, name: 'linux', version: /^([^+]+)\+(.+)$/ },
  // grub-efi-amd64-signed 1+2.12+9+deb13u1 is grub2 2.12-9+deb13u1
  { source: /^grub-efi-[a-z0-9]+-signed$/, name: 'grub2', version: /^\d+\+([^+]+)\+(.+)$/ },
  // shim-signed 1.47+15.8-1 is shim 15.8-1
  { source: /^shim-signed$/, name: 'shim', version: /\+([0-9.]+)-([^+]+)$/ },
]

/** The source under which Debian lists advisories, when it is another one than the package says; else null. */
export function trueSource(name: string, version: string): Source | null {
  for (const row of signed) {
    if (!row.source.test(name)) continue
    const parts = row.version.exec(version)
    if (parts?.[1] === undefined || parts[2] === undefined) return null
    return { name: row.name, version: `${parts[1]}-${parts[2]}` }
  }
  return null
}

const prefix = 'aquasecurity:trivy:'

export interface Corrected {
  /** The whole document, without the vulnerabilities that were found before. */
  readonly text: string
  /** Names of the packages that got another source. */
  readonly packages: readonly string[]
}

/**
 * A copy of Trivy's CycloneDX document in which signed packages have the source that advisories are listed under. It is
 * only for a second look: what is shipped keeps the true names.
 * @throws MintmarkError TOOL_FAILED when the text is no CycloneDX document
 */
export function correctSources(cyclonedx: string): Corrected {
  const parsed = CycloneDx.safeParse(JSON.parse(cyclonedx))
  if (!parsed.success) {
    throw new MintmarkError('TOOL_FAILED', "trivy's CycloneDX document has an unknown shape", {
      details: parsed.error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`),
    })
  }
  const packages: string[] = []
  const components = parsed.data.components.map((component) => {
    const value = (key: string): string | undefined =>
      component.properties.find(({ name }) => name === prefix + key)?.value
    const source = value('SrcName')
    if (source === undefined) return component
    const release = value('SrcRelease')
    const version = `${value('SrcVersion') ?? ''}${release === undefined ? '' : `-${release}`}`
    const corrected = trueSource(source, version)
    if (corrected === null) return component
    packages.push(component.name)
    const dash = corrected.version.lastIndexOf('-')
    return {
      ...component,
      properties: [
        ...component.properties.filter(
          ({ name }) =>
            !['SrcName', 'SrcVersion', 'SrcRelease', 'SrcEpoch'].includes(name.slice(prefix.length)),
        ),
        { name: `${prefix}SrcName`, value: corrected.name },
        { name: `${prefix}SrcVersion`, value: corrected.version.slice(0, dash) },
        { name: `${prefix}SrcRelease`, value: corrected.version.slice(dash + 1) },
      ],
    }
  })
  const document = { ...parsed.data, components, vulnerabilities: [] }
  return { text: JSON.stringify(document), packages: packages.sort() }
}
