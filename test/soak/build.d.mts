/** Builds the programs of the soak; resolves with their folder, which has this name. */
export function buildPrograms(name: string): Promise<string>
