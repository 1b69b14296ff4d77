/** The folder of the built clients; separate from the parsers' folder, which is emptied on every run. */
import { fileURLToPath } from 'node:url'

export const outDir = fileURLToPath(new URL('.build/', import.meta.url))
