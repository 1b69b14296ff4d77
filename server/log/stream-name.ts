/** Names of streams say what a stream is. */

/** Whether a stream is a run, which exists from its claim on; every other stream is a feed, which always exists. */
export const isRun = (stream: string): boolean => stream.startsWith('run:')
