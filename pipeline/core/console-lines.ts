/** An escape sequence of terminals, without its first character. */
const sequence = /^(?:\[[0-9;?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>c])/

function plain(line: string): string {
  const [first = '', ...escaped] = line.split('\u001b')
  const text = first + escaped.map((part) => part.replace(sequence, '')).join('')
  return text.replace(/\p{Cc}/gu, '').trim()
}

/** The last `count` lines that say something, without the control sequences that firmware and systemd write. */
export function lastLines(text: string, count: number): readonly string[] {
  return text
    .split(/\r*\n/)
    .map(plain)
    .filter((line) => line !== '')
    .slice(-count)
}

/** What the kernel said when it stopped for good; null while it runs. */
export function kernelPanic(text: string): string | null {
  const found = /Kernel panic - not syncing: ([^\r\n]*)/.exec(text)?.[1]
  return found === undefined ? null : plain(found)
}
