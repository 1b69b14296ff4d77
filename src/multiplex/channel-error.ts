/** Errors of a channel and its streams. */
import { StreamError, type StreamErrorCode } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import type { ConnectRequest } from '../connect/connect.ts'

/** Creates a `StreamError`. Only `network` errors are retryable: the other codes mean that the server sent something invalid. */
export function channelError(
  request: Pick<ConnectRequest, 'method' | 'url'>,
  message: string,
  cause?: unknown,
  code: StreamErrorCode = 'network',
): StreamError {
  return new StreamError(code, `${message}: ${formatRequestLabel(request)}`, {
    cause,
    retryable: code === 'network',
  })
}
