interface Clock {
    now(): number;
    after(ms: number, callback: () => void): () => void;
}
interface Block {
    type: string;
    data: string | undefined;
    id: string | undefined;
}
interface ConnectRequest {
    url: string;
    method: string;
    headers: [
        name: string,
        value: string
    ][];
    credentialHeaders: string[];
    withheldFrom?: string | undefined;
    canRefresh?: boolean | undefined;
    body?: string | Uint8Array<ArrayBuffer> | undefined;
    lastEventId?: string | undefined;
    scope?: string | undefined;
    init?: RequestInit | undefined;
    maxEventSize: number;
    wantsComments?: boolean | undefined;
    signal: AbortSignal;
}
interface Batch {
    blocks: Block[];
    bytes: number;
    retry?: number | undefined;
    begins?: boolean | undefined;
    native?: boolean | undefined;
    unfinished?: Block | undefined;
    comments?: {
        position: number;
        text: string;
    }[] | undefined;
}
interface Connection {
    status: number;
    url: string;
    headers: Headers;
    via?: "channel" | "tab" | undefined;
    read(): Promise<Batch | null>;
    readText(maxBytes: number): Promise<string>;
    cancel(): void;
}
type Connect = (request: ConnectRequest) => Promise<Connection>;
interface ShareChannel {
    addEventListener(type: "message", listener: (event: {
        readonly data: unknown;
    }) => void): void;
    postMessage(message: unknown): void;
    close(): void;
}
type ShareRole = "leader" | "follower" | "detached";
interface ShareState {
    readonly url: string;
    readonly scope: string | undefined;
    readonly role: ShareRole | "closed";
}
interface ShareOptions {
    name: string;
    connect?: Connect;
    onChange?(state: ShareState): void;
    onFallback?(reason: unknown): void;
    locks?: Pick<LockManager, "request">;
    openChannel?(name: string): ShareChannel;
    clock?: Clock;
}
declare function shareAcrossTabs({ name, connect, onChange, onFallback, locks, openChannel, clock, }: ShareOptions): Connect;
export { shareAcrossTabs };
export type { Clock, Connect, ShareChannel, ShareOptions, ShareRole, ShareState };
