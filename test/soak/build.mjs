/** Builds the soak's programs from their sources: the server and the client run in processes of their own. */
import { buildPrograms as buildAll } from '../support/build-programs.mjs'

/** Builds the programs; resolves with their folder's path. Each concurrent caller needs its own `name`. */
export const buildPrograms = (name) => buildAll(import.meta.url, ['runner', 'server', 'node-client'], `soak/${name}`)
