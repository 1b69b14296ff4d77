/** Which pages may control the mock server. */
import type { AllowedOrigins } from '../../server/http/cors.ts'

/** Whether a request may control the mock server: it comes from no page, or from the same origin or a listed one. */
export function canControl(origins: AllowedOrigins, request: Request): boolean {
  const origin = request.headers.get('origin')
  return origin === null || origin === new URL(request.url).origin || origins.includes(origin)
}
