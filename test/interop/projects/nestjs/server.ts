/** A NestJS application whose connections carry five events each; from the fifth connection on, it responds with 204. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { PricesController } from './prices.controller.ts'

const CONNECTION_COUNT = 4

@Module({ controllers: [PricesController] })
class AppModule implements NestModule {
  private connections = 0

  configure(consumer: MiddlewareConsumer): void {
    const endFeed = (_request: IncomingMessage, response: ServerResponse, next: () => void): void => {
      if (++this.connections > CONNECTION_COUNT) response.writeHead(204).end()
      else next()
    }
    consumer.apply(endFeed).forRoutes(PricesController)
  }
}

export interface NestServer {
  /** Base URL, without a trailing slash. */
  readonly url: string
  close(): Promise<void>
}

export async function startServer(): Promise<NestServer> {
  const app = await NestFactory.create(AppModule, { logger: false })
  await app.listen(0, '127.0.0.1')
  return {
    url: await app.getUrl(),
    async close() {
      const server = app.getHttpServer() as Server
      server.closeAllConnections()
      await app.close()
    },
  }
}
