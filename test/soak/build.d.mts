/** Builds the soak's programs into a folder of this name; resolves with the folder's path. */
export function buildPrograms(name: string): Promise<string>
