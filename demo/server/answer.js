/** The model of the demo: it knows one answer per prompt, so that a page can check that it has received all of it. */

const TEXT = `Two processes share one port. One of them generates this answer, token by token, and appends each token to a log that both of them read. The other one sends it to you. It keeps nothing for you: your browser remembers the last event that it has received, and any process can send what follows it.

Now kill the process that serves this page. The connection breaks in the middle of a sentence, the browser connects again, and the process that is left continues after the last token that has arrived. No character is missing, and none comes twice.

If you kill the process that generates, nobody can finish the sentence. The log notices it when the process no longer renews its lease, and every reader gets an error that says so. Then you can continue: another process generates the rest.`

/** Returns the whole answer to a prompt. */
export const answerTo = (prompt) => `You asked: ${prompt}\n\n${TEXT}`

/** Splits a text into words, each with the space behind it. */
export const tokensOf = (text) => text.match(/\S+\s*|\s+/g) ?? []
