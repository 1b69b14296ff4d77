type StreamErrorCode = "network" | "http" | "content-type" | "auth" | "idle" | "stalled" | "truncated" | "gap" | "server" | "too-large" | "invalid-data" | "overflow" | "retries-exhausted" | "expired" | "redirect" | "unsupported";
interface Problem {
    readonly type?: string;
    readonly title?: string;
    readonly status?: number;
    readonly detail?: string;
    readonly [extension: string]: unknown;
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
interface StreamErrorDetails {
    cause?: unknown;
    retryable?: boolean;
    status?: number;
    headers?: Headers;
    problem?: Problem | undefined;
    body?: string | undefined;
    retryAfter?: number | undefined;
    usage?: unknown;
    serverCode?: string | undefined;
    lastEventId?: string;
    partial?: string;
    cursor?: Cursor | undefined;
}
interface StreamErrorBase extends Error, Readonly<Omit<StreamErrorDetails, "cause">> {
    readonly name: "StreamError";
    readonly retryable: boolean;
}
interface ResponseDetails {
    readonly status: number;
    readonly headers: Headers;
}
type StreamError = (StreamErrorBase & {
    readonly code: Exclude<StreamErrorCode, "http">;
}) | (StreamErrorBase & ResponseDetails & {
    readonly code: "http";
});
declare const StreamError: {
    new (code: StreamErrorCode, message: string, details?: StreamErrorDetails): StreamError;
    readonly prototype: StreamError;
};
declare function isStreamError<Code extends StreamErrorCode = StreamErrorCode>(value: unknown, code?: Code): value is StreamError & {
    readonly code: Code;
};
interface AttemptContext {
    reason: "connect" | "rejected";
    attempt: number;
    signal: AbortSignal;
}
interface Clock {
    now(): number;
    after(ms: number, callback: () => void): () => void;
}
interface EventSourceOptions extends Omit<RequestInit, "headers" | "body" | "signal" | "credentials"> {
    withCredentials?: boolean;
    headers?: HeadersInit | ((context: AttemptContext) => HeadersInit | Promise<HeadersInit>);
    body?: Exclude<BodyInit, ReadableStream> | null;
    fetch?: typeof fetch;
    retry?: false | ((failure: {
        error: StreamError;
        attempt: number;
        delay: number;
    }) => number | undefined);
    connectTimeout?: number;
    idleTimeout?: number;
    stallTimeout?: number;
    maxEventSize?: number;
    lastEventId?: string;
    onError?(error: StreamError): void;
    clock?: Clock;
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
export { EventSource, StreamError, install, isStreamError };
export type { EventSourceOptions };
