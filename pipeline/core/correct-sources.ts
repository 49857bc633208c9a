import { MintmarkError } from '../errors.ts'
import { CycloneDx } from '../model/trivy.ts'
import { parsedJson } from './parsed-json.ts'

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

type Component = CycloneDx['components'][number]

function parseCycloneDx(text: string): CycloneDx {
  const parsed = CycloneDx.safeParse(parsedJson(text))
  if (parsed.success) return parsed.data
  throw new MintmarkError('TOOL_FAILED', "trivy's CycloneDX document has an unknown shape", {
    details: parsed.error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`),
  })
}

const propertyOf = ({ properties }: Component, key: string): string | undefined =>
  properties.find(({ name }) => name === prefix + key)?.value

/** As the package says; the version without an epoch. Null for what was made from no source package. */
function sourceOf(component: Component): Source | null {
  const name = propertyOf(component, 'SrcName')
  if (name === undefined) return null
  const release = propertyOf(component, 'SrcRelease')
  const version = `${propertyOf(component, 'SrcVersion') ?? ''}${release === undefined ? '' : `-${release}`}`
  return { name, version }
}

/**
 * A copy of Trivy's CycloneDX document for scanners that know source packages by the `upstream` of a package URL, and want an
 * epoch in its version: without, they would look Debian's packages up under the wrong names and find nothing.
 * @param canary name of a component that is added for each of these source packages, in a version older than any fix
 * @throws MintmarkError TOOL_FAILED when the text is no CycloneDX document
 */
export function withUpstreams(
  cyclonedx: string,
  canary: { readonly name: string; readonly sources: readonly string[]; readonly distro: string },
): string {
  const document = parseCycloneDx(cyclonedx)
  const purl = (start: string, version: string, qualifiers: URLSearchParams): string =>
    `${start}@${encodeURIComponent(version)}?${qualifiers.toString().replaceAll('+', '%20')}`
  const components = document.components.map((component) => {
    const source = sourceOf(component)
    const { purl: given, version } = component
    if (source === null || version === undefined || given?.startsWith('pkg:deb/') !== true) return component
    const [start = '', rest = ''] = given.split('@')
    const qualifiers = new URLSearchParams(rest.split('?')[1] ?? '')
    qualifiers.delete('epoch')
    const epoch = propertyOf(component, 'SrcEpoch')
    const known = trueSource(source.name, source.version)
    const { name, version: upstream } = known ?? source
    qualifiers.set(
      'upstream',
      `${name}@${known === null && epoch !== undefined ? `${epoch}:` : ''}${upstream}`,
    )
    return { ...component, purl: purl(start, version, qualifiers) }
  })
  const canaries = canary.sources.map((source) => {
    const qualifiers = new URLSearchParams({
      arch: 'amd64',
      distro: canary.distro,
      upstream: `${source}@0.0.1-1`,
    })
    return {
      'bom-ref': `${canary.name} ${source}`,
      type: 'library',
      name: canary.name,
      version: '0.0.1-1',
      purl: purl(`pkg:deb/${canary.distro.split('-')[0] ?? ''}/${canary.name}`, '0.0.1-1', qualifiers),
    }
  })
  return JSON.stringify({ ...document, components: [...components, ...canaries], vulnerabilities: [] })
}

/**
 * A copy of Trivy's CycloneDX document in which signed packages have the source that advisories are listed under. It is
 * only for a second look: what is shipped keeps the true names.
 * @throws MintmarkError TOOL_FAILED when the text is no CycloneDX document
 */
export function correctSources(cyclonedx: string): Corrected {
  const document = parseCycloneDx(cyclonedx)
  const packages: string[] = []
  const components = document.components.map((component) => {
    const source = sourceOf(component)
    const corrected = source === null ? null : trueSource(source.name, source.version)
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
  return { text: JSON.stringify({ ...document, components, vulnerabilities: [] }), packages: packages.sort() }
}
