/** Minimal types for Express, which ships without types. */
declare module 'express' {
  import type { IncomingMessage, Server, ServerResponse } from 'node:http'

  type Middleware = (
    request: IncomingMessage,
    response: ServerResponse & { send(text: string): void },
    next: () => void,
  ) => void

  type ErrorMiddleware = (error: unknown, request: IncomingMessage, response: ServerResponse, next: () => void) => void

  export interface Router {
    use(path: string, middleware: Middleware): this
    use(middleware: Middleware): this
    use(middleware: ErrorMiddleware): this
    get(path: string, middleware: Middleware): this
    all(path: string, middleware: Middleware): this
  }

  export interface Express extends Router {
    listen(port: number, host: string, listening: () => void): Server
    listen(port: number, listening: () => void): Server
  }

  const express: { (): Express; json(): Middleware; Router(): Router & Middleware }
  export default express
}
