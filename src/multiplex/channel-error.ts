/** What goes wrong with a carrier or one of its streams, as an error. */
import { StreamError, type StreamErrorCode } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import type { ConnectRequest } from '../connect/connect.ts'

/** Broken connections can be had again; what is wrong with what came over them can't be helped. */
export function channelError(
  { method, url }: Pick<ConnectRequest, 'method' | 'url'>,
  message: string,
  cause?: unknown,
  code: StreamErrorCode = 'network',
): StreamError {
  return new StreamError(code, `${message}: ${formatRequestLabel(method, url)}`, {
    cause,
    retryable: code === 'network',
  })
}
