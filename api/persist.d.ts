interface Clock {
    now(): number;
    after(ms: number, callback: () => void): () => void;
}
interface Cursor {
    readonly v?: 2;
    readonly url: string;
    readonly protocol?: string;
    readonly lastEventId?: string;
    readonly at?: string;
    readonly index?: number;
    readonly streamId?: string;
    readonly heartbeat?: number;
}
interface Persistence {
    load(request?: string): Cursor | undefined | Promise<Cursor | undefined>;
    save(cursor: Cursor, request?: string): void | Promise<void>;
    clear(): void | Promise<void>;
}
interface PersistStorage {
    getItem(key: string): string | null | undefined | PromiseLike<string | null | undefined>;
    setItem(key: string, value: string): unknown;
    removeItem(key: string): unknown;
}
interface PersistOptions {
    readonly key: string;
    readonly storage?: PersistStorage | undefined;
    readonly clock?: Clock | undefined;
}
interface StoredCursor extends Persistence {
    readonly key: string;
    save(cursor: Cursor, request?: string): void;
    clear(): void;
}
declare function persist({ key, storage, clock }: PersistOptions): StoredCursor;
export { persist };
export type { Clock, Cursor, PersistOptions, PersistStorage, Persistence, StoredCursor };
