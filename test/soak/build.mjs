/** Builds the programs of the soak from their sources: the server and the clients are processes of their own. */
import { buildPrograms as buildAll } from '../support/build-programs.mjs'

/** Builds them, and returns the folder. Users of the same folder at the same time would disturb each other. */
export const buildPrograms = (name) => buildAll(import.meta.url, ['runner', 'server', 'node-client'], `soak/${name}`)
