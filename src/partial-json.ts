/** Entry `rivulet/partial-json`: parses JSON text that arrives in pieces. */
export { type PartialJson, type PartialJsonOptions, partialJson } from './partial-json/partial-json.ts'
