import { Controller, Headers, type MessageEvent, Sse } from '@nestjs/common'
import { type Observable, from } from 'rxjs'

const prices = Array.from({ length: 20 }, (_, n) => ({ n, value: 100 + n }))

@Controller()
export class PricesController {
  private sent = 0

  // Without an `id`, NestJS numbers the events of each connection from 1.
  @Sse('numbered-by-nestjs')
  numberedByNest(): Observable<MessageEvent> {
    const next = prices.slice(this.sent, (this.sent += 5))
    return from(next.map((data) => ({ type: 'price', data })))
  }

  // With an `id` of its own, an event can be found again after a reconnect.
  @Sse('prices')
  resumable(@Headers('last-event-id') lastEventId = '-1'): Observable<MessageEvent> {
    const start = Number(lastEventId) + 1
    const next = prices.slice(start, start + 5)
    return from(next.map((data) => ({ type: 'price', id: String(data.n), data })))
  }
}
