/** GitHub's environment files, read as its runner does: `name=value`, or `name<<END` with lines up to END. */
export function readAssignments(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    if (line === '') continue
    const heredoc = /^([^=<]+)<<(.+)$/.exec(line)
    const equals = line.indexOf('=')
    if (heredoc !== null) {
      const [, name = '', end = ''] = heredoc
      const stop = lines.indexOf(end, at + 1)
      if (stop < 0) throw new Error(`${name} never ends with ${end}`)
      values[name] = lines.slice(at + 1, stop).join('\n')
      at = stop
    } else if (equals > 0) values[line.slice(0, equals)] = line.slice(equals + 1)
    else throw new Error(`not an assignment: ${line}`)
  }
  return values
}
