/** Options that several verbs take, as a row of the table of verbs has them. */

export const consent = ['--yes', 'install what is missing without asking (consent to nothing else)'] as const
export const database = [
  '--trivy-db <where>',
  'vulnerability database: a folder, or an OCI reference with or without @sha256:digest',
] as const
export const exploited = [
  '--known-exploited <where>',
  "list of vulnerabilities that are exploited (CISA's JSON): a file or an https address",
] as const
export const second = [
  ['--second-scanner <name>', 'grype: let it look as well; it adds findings and never removes one'],
  ['--grype-db <where>', 'its database: a folder or an archive'],
] as const
export const trust = [
  '--trust <file>',
  'trust this public key (PEM) or policy (YAML), and nobody else',
] as const
export const actor = [
  '--by <name>',
  'who does this, for the history (default: MINTMARK_ACTOR, who started the GitHub job, or the user)',
] as const
export const target = [
  '--target <id>',
  'where it is built: qemu or aws (default: the only one of the definition)',
] as const
export const oneRun = ['--run <id>', 'the run to work in (default: the latest)'] as const
