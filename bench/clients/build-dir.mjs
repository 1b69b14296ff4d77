/** Where built clients lie: not with the parsers, whose bench empties its folder. */
import { fileURLToPath } from 'node:url'

export const outDir = fileURLToPath(new URL('.build/', import.meta.url))
