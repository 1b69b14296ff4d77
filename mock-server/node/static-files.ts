/** Serves folders: the demo and the built package. Nothing outside of them, and nothing a link points out to. */
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { pipeline } from 'node:stream'

/** Folders by the path they are served at; paths end with a slash. */
export type StaticFolders = Readonly<Record<string, string>>

/** Serves the request if a folder has its file; `false` otherwise, and nothing was sent. */
export type StaticHandler = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.ts': 'text/plain; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.md': 'text/markdown; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
}

/** The file that a URL path names within a folder, or `undefined`: it is judged after every link in it was followed. */
async function resolveFile(root: string, path: string): Promise<string | undefined> {
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return undefined
  }
  if (/[\0\\]/.test(decoded) || decoded.split('/').includes('..')) return undefined
  try {
    const rootPath = await realpath(root)
    let file = await realpath(join(rootPath, decoded))
    if ((await stat(file)).isDirectory()) {
      if (decoded !== '' && !decoded.endsWith('/')) return undefined
      file = await realpath(join(file, 'index.html'))
    }
    return file.startsWith(rootPath + sep) && (await stat(file)).isFile() ? file : undefined
  } catch {
    return undefined // there is no such file
  }
}

/** Makes the function that serves; the longest path that fits is looked in. */
export function createStaticHandler(folders: StaticFolders): StaticHandler {
  const mounts = Object.entries(folders).toSorted(([one], [other]) => other.length - one.length)
  return async (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    // The raw path: a URL parser would have resolved what is to be refused.
    const path = (request.url ?? '/').split(/[?#]/, 1)[0]!
    const mount = mounts.find(([prefix]) => path.startsWith(prefix))
    const file = mount && (await resolveFile(mount[1], path.slice(mount[0].length)))
    if (!file) return false
    const { size } = await stat(file)
    response.writeHead(200, {
      'content-type': contentTypes[extname(file).toLowerCase()] ?? 'application/octet-stream',
      'content-length': size,
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
    })
    if (request.method === 'HEAD') response.end()
    // A client that leaves in the middle is no fault of ours.
    else pipeline(createReadStream(file), response, () => undefined)
    return true
  }
}
