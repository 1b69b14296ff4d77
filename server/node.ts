/** `rivulet/server/node`: the server in Node's HTTP servers. */
export type { FastifyLikeReply, FastifyLikeRequest, NodeHandler, ToNodeOptions } from './node/to-node.ts'
export { toNode } from './node/to-node.ts'
