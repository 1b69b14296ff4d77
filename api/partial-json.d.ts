interface PartialJsonOptions {
    maxDepth?: number;
}
interface PartialJson {
    readonly value: unknown;
    push(text: string): unknown;
    end(): unknown;
    create(): PartialJson;
}
declare function partialJson({ maxDepth }?: PartialJsonOptions): PartialJson;
export { partialJson };
export type { PartialJson, PartialJsonOptions };
