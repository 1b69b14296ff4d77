/** Where built adapters lie. */
import { fileURLToPath } from 'node:url'

export const outDir = fileURLToPath(new URL('.build/', import.meta.url))
