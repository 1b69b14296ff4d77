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
    cancel(reason?: unknown): void;
}
type Connect = (request: ConnectRequest) => Promise<Connection>;
interface Clock {
    now(): number;
    after(ms: number, callback: () => void): () => void;
}
interface RetryOptions {
    limit?: number;
    delay?: number;
    maxDelay?: number;
    jitter?: boolean | ((delay: number) => number);
    statusCodes?: readonly number[];
    shouldRetry?(context: {
        error: StreamError;
        attempt: number;
    }): boolean;
}
type Status = "idle" | "connecting" | "refreshing" | "open" | "waiting" | "closed";
interface StreamState {
    readonly status: Status;
    readonly attempt: number;
    readonly retryAt?: number;
    readonly error?: StreamError;
}
interface AttemptContext {
    reason: "connect" | "rejected";
    attempt: number;
    signal: AbortSignal;
}
type Auth = (context: AttemptContext) => HeadersInit | Promise<HeadersInit>;
type StreamResponse = Pick<Connection, "status" | "url" | "headers">;
interface StreamReset {
    readonly reason: "expired" | "unknown" | "no-id" | (string & {});
}
interface CommonOptions {
    headers?: HeadersInit | ((context: AttemptContext) => HeadersInit | Promise<HeadersInit>);
    auth?: Auth;
    retry?: false | number | RetryOptions;
    connectTimeout?: number;
    idleTimeout?: number;
    stallTimeout?: number;
    maxEventSize?: number;
    queue?: {
        events?: number;
        bytes?: number;
    };
    contentType?: false | ((type: string) => boolean);
    fetch?: typeof fetch;
    connect?: Connect;
    scope?: string;
    onResponse?(response: StreamResponse): void;
    onError?(error: StreamError): void;
    onReset?(reset: StreamReset): void;
    onStateChange?(state: StreamState): void;
    clock?: Clock;
    random?(): number;
}
interface StreamOptions extends CommonOptions, Omit<RequestInit, "headers" | "body"> {
    body?: Exclude<BodyInit, ReadableStream> | null;
    json?: unknown;
    searchParams?: URLSearchParams | Record<string, string | number | boolean> | string;
}
type Borrowed = "headers" | "method" | "body" | "fetch" | "clock" | "connectTimeout" | "idleTimeout" | "stallTimeout" | "maxEventSize";
interface EventSourceOptions extends Pick<StreamOptions, Borrowed>, Omit<RequestInit, Borrowed | "signal" | "credentials"> {
    withCredentials?: boolean;
    retry?: false | ((failure: {
        error: StreamError;
        attempt: number;
        delay: number;
    }) => number | undefined);
    lastEventId?: string;
    onError?(error: StreamError): void;
}
interface EventMap {
    open: Event;
    message: MessageEvent<string>;
    error: Event;
}
type ListenerOptions = Parameters<EventTarget["addEventListener"]>[2];
interface EventSource$1 extends EventTarget {
    readonly url: string;
    readonly withCredentials: boolean;
    readonly readyState: number;
    onopen: ((this: EventSource$1, event: Event) => unknown) | null;
    onmessage: ((this: EventSource$1, event: MessageEvent) => unknown) | null;
    onerror: ((this: EventSource$1, event: Event) => unknown) | null;
    close(): void;
    readonly CONNECTING: 0;
    readonly OPEN: 1;
    readonly CLOSED: 2;
    addEventListener<Type extends keyof EventMap>(type: Type, listener: (this: EventSource$1, event: EventMap[Type]) => unknown, options?: ListenerOptions): void;
    addEventListener(type: string, listener: (this: EventSource$1, event: MessageEvent) => unknown, options?: ListenerOptions): void;
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: ListenerOptions): void;
    removeEventListener<Type extends keyof EventMap>(type: Type, listener: (this: EventSource$1, event: EventMap[Type]) => unknown, options?: boolean | EventListenerOptions): void;
    removeEventListener(type: string, listener: (this: EventSource$1, event: MessageEvent) => unknown, options?: boolean | EventListenerOptions): void;
    removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}
type EventSource = EventSource$1;
declare const EventSource: {
    new (url: string | URL, options?: EventSourceOptions): EventSource;
    readonly prototype: EventSource;
    readonly CONNECTING: 0;
    readonly OPEN: 1;
    readonly CLOSED: 2;
};
declare function install(scope?: object): void;
export { EventSource, StreamError, install };
export type { EventSourceOptions };
