/** What would lead an SDK elsewhere. */
const others = [
  'AWS_PROFILE',
  'AWS_SESSION_TOKEN',
  'AWS_DEFAULT_REGION',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_S3',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
]

/** Puts these variables, and nothing else that an SDK looks for, into our own environment until it is restored. */
export function enterEnvironment(env: Readonly<Record<string, string>>): { restore(): void } {
  const before = new Map<string, string | undefined>()
  for (const name of new Set([...Object.keys(env), ...others])) {
    before.set(name, process.env[name])
    delete process.env[name]
  }
  Object.assign(process.env, env)
  return {
    restore() {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
    },
  }
}
