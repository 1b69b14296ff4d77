/** Median, quartiles and geometric mean. */

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export const geometricMean = (values) =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)

/** The lower and the upper quartile, interpolated: half of the values lie between them. */
export function quartiles(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return [0.25, 0.75].map((part) => {
    const at = part * (sorted.length - 1)
    const low = Math.floor(at)
    return sorted[low] + (at - low) * (sorted[Math.ceil(at)] - sorted[low])
  })
}
