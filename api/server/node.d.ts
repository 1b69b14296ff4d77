import { ServerResponse, IncomingMessage } from "node:http";
import { Http2ServerRequest, Http2ServerResponse } from "node:http2";
interface ToNodeOptions {
    readonly compress?: boolean;
}
interface FastifyLikeRequest {
    readonly raw: IncomingMessage;
    readonly body?: unknown;
}
interface FastifyLikeReply {
    readonly raw: ServerResponse;
    hijack(): unknown;
}
interface NodeHandler {
    (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): void;
    (request: FastifyLikeRequest, reply: FastifyLikeReply): void;
    (request: Http2ServerRequest, response: Http2ServerResponse): void;
}
declare function toNode(handler: (request: Request) => Response | Promise<Response>, { compress }?: ToNodeOptions): NodeHandler;
export { toNode };
export type { FastifyLikeReply, FastifyLikeRequest, NodeHandler, ToNodeOptions };
