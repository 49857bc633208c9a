/** Programs that are built or downloaded at a pinned version, not taken from Debian. */
export type ToolName = 'packer' | 'packer-plugin-qemu' | 'trivy'

export interface Tool {
  /** Absolute path of the program. */
  readonly path: string
  readonly version: string
  /** Of the program's own file, lower-case hex. */
  readonly sha256: string
  /** For people: PATH, official download, or built by the Go module proxy. */
  readonly origin: string
}

export interface Tools {
  /** @throws MintmarkError TOOL_MISSING, or TOOL_REFUSED for a version that must not be used */
  need(name: ToolName): Promise<Tool>
}
