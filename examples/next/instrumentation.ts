/** Next calls `register` once, when a process starts. */
export async function register(): Promise<void> {
  if (process.env['NEXT_RUNTIME'] !== 'nodejs') return
  const { sendPrices } = await import('./lib/streams.ts')
  void sendPrices()
}
