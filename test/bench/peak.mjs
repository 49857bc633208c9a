// Loaded before a program: at its end it writes the most memory that the process took, in MiB, to PEAK_FILE.
import { writeFileSync } from 'node:fs'

const { PEAK_FILE } = process.env
if (PEAK_FILE !== undefined)
  process.on('exit', () => writeFileSync(PEAK_FILE, String(process.resourceUsage().maxRSS / 1024)))
