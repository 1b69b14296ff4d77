/** Stands in for src/wire/encode.ts until that is there. */
export function encodeEvent(fields: { type?: string; data?: string; id?: string; comment?: string }): string {
  const { type, data, id, comment } = fields
  for (const [name, value] of Object.entries({ type, id, comment })) {
    if (value !== undefined && /[\r\n\0]/.test(value)) throw new TypeError(`${name}: must not contain CR, LF or NUL`)
  }
  let text = ''
  if (comment !== undefined) text += `: ${comment}\n`
  if (type !== undefined) text += `event: ${type}\n`
  if (id !== undefined) text += `id: ${id}\n`
  if (data !== undefined) for (const line of data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`
  return `${text}\n`
}
