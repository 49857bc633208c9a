import type { Artifact } from '../model/artifact.ts'
import type { Definition } from '../model/definition.ts'
import type { BuildResult, Bundle, ScanReport, TestReport } from '../model/stages.ts'

const baseName = (path: string): string => path.split('/').at(-1) ?? path

/** A file without its format, as before there was another: what was stored then is still made to the byte. */
function storedArtifact(artifact: Artifact) {
  if (artifact.format === 'ami') return artifact
  const { format: _format, ...file } = artifact
  return { ...file, path: baseName(file.path) }
}

/** What of a run is kept in the catalog as values, each under its report's name. */
export interface RunValues {
  readonly render: Bundle
  readonly build: BuildResult
  readonly test: TestReport
  readonly scan: ScanReport
  readonly definition: Definition
}

/** The values as they are stored: where a file lay on the build machine is nobody's business later. */
export const storedValues = {
  bundle: ({ render }: Pick<RunValues, 'render'>) => render,
  build: ({ build }: Pick<RunValues, 'build'>) => ({ ...build, artifact: storedArtifact(build.artifact) }),
  test: ({ test }: Pick<RunValues, 'test'>) => test,
  findings: ({ scan }: Pick<RunValues, 'scan'>) => ({
    ...scan,
    files: Object.fromEntries(
      Object.entries(scan.files).map(([name, file]) => [name, { ...file, path: baseName(file.path) }]),
    ),
  }),
  definition: ({ definition }: Pick<RunValues, 'definition'>) => definition,
} as const
