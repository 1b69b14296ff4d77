/** The folder of the built adapters. */
import { fileURLToPath } from 'node:url'

export const outDir = fileURLToPath(new URL('.build/', import.meta.url))
