/** Objects without members that are `undefined`. */

/** An object of which members may also be `undefined`. */
export type Loose<Target> = { [Key in keyof Target]: Target[Key] | undefined }

/** Merges objects into a new one; later ones take precedence. `undefined` counts as absent. */
export function mergeDefined<Target extends object>(...layers: (Loose<Target> | undefined)[]): Target {
  const entries = layers.flatMap((layer) => Object.entries(layer ?? {}))
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Target
}
