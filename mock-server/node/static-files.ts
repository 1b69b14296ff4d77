/** Serves files in folders, but nothing outside them, not even through symbolic links. */
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { pipeline } from 'node:stream'

/** Folders by URL path; the paths end with a slash. */
export type StaticFolders = Readonly<Record<string, string>>

/** Serves a request if a folder has the file; otherwise sends nothing and resolves with `false`. */
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

/** Finds the file for a URL path, following symbolic links. Resolves with `undefined` if the folder lacks the file. */
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

/** Creates the handler; the folder with the longest matching path is used. */
export function createStaticHandler(folders: StaticFolders): StaticHandler {
  const mounts = Object.entries(folders).toSorted(([one], [other]) => other.length - one.length)
  return async (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    // Use the raw path: a URL parser would resolve the `..` segments that must be rejected.
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
    // A client that disconnects during the download is not an error.
    else pipeline(createReadStream(file), response, () => undefined)
    return true
  }
}
