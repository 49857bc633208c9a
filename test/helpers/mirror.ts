import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { checkout } from './world.ts'

/** What a request's file is answered with instead of the fixture; null: 404. */
export type Change = (path: string, original: Buffer | null) => Buffer | null

export interface TestMirror {
  /** The settings that make it the mirror. */
  readonly env: { readonly MINTMARK_DEBIAN_MIRROR: string; readonly MINTMARK_DEBIAN_SECURITY_MIRROR: string }
  readonly asked: readonly string[]
  close(): Promise<void>
}

/** When the Release files of the fixtures were fetched: at this clock all of them are good. */
export const fixtureDay = new Date('2026-11-22T03:30:00Z')

/** Serves the Release files of test/fixtures/archive on this machine. */
export async function testMirror(change: Change = (_path, original) => original): Promise<TestMirror> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    asked.push(path)
    const original = readFile(join(checkout, 'test/fixtures/archive', path)).catch(() => null)
    void original.then((bytes) => {
      const body = change(path, bytes)
      response.writeHead(body === null ? 404 : 200, { 'content-type': 'text/plain' }).end(body ?? 'not found')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const at = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  return {
    env: { MINTMARK_DEBIAN_MIRROR: `${at}/debian`, MINTMARK_DEBIAN_SECURITY_MIRROR: `${at}/debian-security` },
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
