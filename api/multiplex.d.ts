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
    credentials: string[];
    body?: string | Uint8Array<ArrayBuffer> | undefined;
    lastEventId?: string | undefined;
    scope?: string | undefined;
    init?: RequestInit | undefined;
    maxEventSize: number;
    signal: AbortSignal;
}
interface Batch {
    blocks: Block[];
    bytes: number;
    retry?: number | undefined;
}
interface Connection {
    status: number;
    url: string;
    headers: Headers;
    read(): Promise<Batch | null>;
    problem(maxBytes: number): Promise<string>;
    cancel(): void;
}
type Connect = (request: ConnectRequest) => Promise<Connection>;
interface Clock {
    now(): number;
    after(ms: number, callback: () => void): () => void;
}
type StreamErrorCode = "network" | "http" | "content-type" | "auth" | "idle" | "stalled" | "truncated" | "gap" | "server" | "too-large" | "invalid-data" | "overflow" | "retries-exhausted" | "expired";
interface Problem {
    readonly type?: string;
    readonly title?: string;
    readonly status?: number;
    readonly detail?: string;
    readonly [extension: string]: unknown;
}
interface Cursor {
    readonly url: string;
    readonly lastEventId?: string;
    readonly index?: number;
    readonly heartbeat?: number;
}
interface StreamErrorDetails {
    cause?: unknown;
    retryable?: boolean;
    status?: number;
    headers?: Headers;
    problem?: Problem | undefined;
    serverCode?: string | undefined;
    lastEventId?: string;
    partial?: string;
    cursor?: Cursor | undefined;
}
interface StreamErrorBase extends Error, Readonly<Omit<StreamErrorDetails, "cause">> {
    readonly name: "StreamError";
    readonly retryable: boolean;
}
interface Answer {
    readonly status: number;
    readonly headers: Headers;
}
type StreamError = (StreamErrorBase & {
    readonly code: Exclude<StreamErrorCode, "http" | "expired">;
}) | (StreamErrorBase & Answer & {
    readonly code: "http" | "expired";
});
declare const StreamError: {
    new (code: StreamErrorCode, message: string, details?: StreamErrorDetails): StreamError;
    readonly prototype: StreamError;
};
interface MultiplexOptions {
    connect?: Connect;
    init?: RequestInit;
    window?: number;
    linger?: number;
    timeout?: number;
    clock?: Clock;
    onError?(error: StreamError): void;
}
declare function multiplex(channel: string | URL, options?: MultiplexOptions): Connect;
export { multiplex };
export type { Clock, Connect, MultiplexOptions };
