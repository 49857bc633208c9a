// Loaded before the command line (`node --import`): ends the process at its Nth change of the file system, or only counts them.
//   STOP_AT=N        the change that is not made any more (0: none)
//   STOP_HOW=kill    SIGKILL instead of the change; torn: the same, after half of a file's content was written
//   STOP_COUNT=PATH  at the end: what each change was, one a line
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const at = Number(process.env.STOP_AT ?? '0')
const torn = process.env.STOP_HOW === 'torn'
const changes = []
const writeNow = fs.writeFileSync

function about(name, args) {
  const path = String(args[1] !== undefined && ['rename', 'link', 'copyFile'].includes(name) ? args[1] : args[0])
  changes.push(`${name} ${path}`)
  if (changes.length !== at) return
  if (torn && name === 'writeFile') {
    const [path_, content, options] = args
    writeNow(path_, content.slice(0, Math.floor(content.length / 2)), { mode: options?.mode ?? 0o644 })
  }
  process.kill(process.pid, 'SIGKILL')
}

// Folders and modes are left out: made again they are the same.
const names = ['writeFile', 'rename', 'link', 'rm', 'mkdtemp', 'copyFile', 'unlink', 'symlink']
for (const name of names) {
  const original = fs.promises[name]
  fs.promises[name] = (...args) => {
    about(name, args)
    return original(...args)
  }
}
syncBuiltinESMExports()
process.on('exit', () => {
  if (process.env.STOP_COUNT) writeNow(process.env.STOP_COUNT, `${changes.join('\n')}\n`)
})
