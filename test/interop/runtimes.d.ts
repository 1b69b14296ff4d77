/** The parts of the globals of Bun and Deno that the examples use: their own types would replace those of Node. */
declare const Bun: {
  serve(options: {
    readonly port: number
    readonly idleTimeout: number
    readonly routes: Readonly<Record<string, (request: Request) => Promise<Response>>>
    fetch(request: Request): Response | Promise<Response>
  }): { readonly port: number; stop(): Promise<void> }
}
declare const Deno: {
  serve(
    options: { readonly port: number; onListen(address: { readonly port: number }): void },
    handler: (request: Request) => Response | Promise<Response>,
  ): unknown
  readonly env: { get(name: string): string | undefined }
  addSignalListener(signal: 'SIGTERM', listener: () => void): void
  exit(): never
}
