/** Minimal types for Express, which ships without types. */
declare module 'express' {
  import type { IncomingMessage, Server, ServerResponse } from 'node:http'

  type Middleware = (
    request: IncomingMessage,
    response: ServerResponse & { send(text: string): void },
    next: () => void,
  ) => void

  export interface Express {
    use(path: string, middleware: Middleware): this
    use(middleware: Middleware): this
    get(path: string, middleware: Middleware): this
    listen(port: number, host: string, listening: () => void): Server
  }

  const express: { (): Express; json(): Middleware }
  export default express
}
