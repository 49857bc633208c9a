import type { Definition } from '../model/definition.ts'
import type { BuildResult, Bundle, ScanReport, TestReport } from '../model/stages.ts'

const baseName = (path: string): string => path.split('/').at(-1) ?? path

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
  build: ({ build }: Pick<RunValues, 'build'>) => ({
    ...build,
    artifact: { ...build.artifact, path: baseName(build.artifact.path) },
  }),
  test: ({ test }: Pick<RunValues, 'test'>) => test,
  findings: ({ scan }: Pick<RunValues, 'scan'>) => ({
    ...scan,
    files: Object.fromEntries(
      Object.entries(scan.files).map(([name, file]) => [name, { ...file, path: baseName(file.path) }]),
    ),
  }),
  definition: ({ definition }: Pick<RunValues, 'definition'>) => definition,
} as const
