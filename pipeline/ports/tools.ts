/** Programs that are built or downloaded at a pinned version, not taken from Debian. */
export type ToolName =
  | 'packer'
  | 'packer-plugin-qemu'
  | 'packer-plugin-amazon'
  | 'trivy'
  | 'grype'
  | 'actionlint'

export interface Tool {
  /** Absolute path of the program. */
  readonly path: string
  readonly version: string
  /** Of the program's own file, lower-case hex. */
  readonly sha256: string
  /** For people: PATH, official download, or built by the Go module proxy. */
  readonly origin: string
}

export type ToolState =
  | { readonly status: 'accepted'; readonly tool: Tool }
  | { readonly status: 'missing'; readonly why: string }
  | { readonly status: 'refused'; readonly path: string; readonly version: string; readonly why: string }

export interface DebianPackage {
  readonly name: string
  /** The program or file by which it is seen. */
  readonly seenBy: string
  readonly present: boolean
  /** As dpkg has it; null when it is missing or came another way. */
  readonly version: string | null
  /** Where the program or file was found. */
  readonly path: string | null
}

export interface Tools {
  /** @throws MintmarkError TOOL_MISSING, or TOOL_REFUSED for a version that must not be used */
  need(name: ToolName): Promise<Tool>
  /** The state of one tool, for `doctor`. */
  inspect(name: ToolName): Promise<ToolState>
  /** Downloads the official build or builds it by the Go module proxy, into the cache. */
  install(name: ToolName, onProgress: (text: string) => void): Promise<Tool>
  /** Removes what building left in the cache besides the tools. */
  dropBuildFiles(): Promise<void>
  /** What a purpose needs of Debian; for the tests also what they need of PyPI. */
  debianPackages(
    purpose: 'release' | 'ansible' | 'tpm' | 'grype' | 'share' | 'aws' | 'test' | 'workflows',
  ): Promise<readonly DebianPackage[]>
  /** Installs by apt-get: as root, or by sudo where it asks for no password. @throws TOOL_MISSING with the command to paste */
  installDebianPackages(names: readonly string[], onProgress: (text: string) => void): Promise<void>
}
