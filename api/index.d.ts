interface AttemptContext {
    reason: "connect" | "rejected";
    attempt: number;
    signal: AbortSignal;
}
interface Clock {
    now(): number;
    after(ms: number, callback: () => void): () => void;
}
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
    read(): Promise<Batch | null>;
    readText(maxBytes: number): Promise<string>;
    cancel(): void;
}
type Connect = (request: ConnectRequest) => Promise<Connection>;
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
type StreamStatus = "idle" | "connecting" | "refreshing" | "open" | "waiting" | "closed";
interface StreamState {
    readonly status: StreamStatus;
    readonly attempt: number;
    readonly nextAttemptAt?: number;
    readonly error?: StreamError;
}
type StreamRecord = {
    readonly type: "attempt";
    readonly attempt: number;
    readonly reason: "connect" | "rejected";
} | {
    readonly type: "response";
    readonly status: number;
} | {
    readonly type: "opened";
    readonly reconnected: boolean;
} | {
    readonly type: "read";
    readonly events: number;
    readonly bytes: number;
} | {
    readonly type: "duplicate";
    readonly id: string;
} | {
    readonly type: "state";
    readonly state: StreamState;
};
type Observer = (record: StreamRecord) => void;
type AuthProvider = (context: AttemptContext) => HeadersInit | Promise<HeadersInit>;
type StreamResponse = Pick<Connection, "status" | "url" | "headers">;
interface StreamReset {
    readonly reason: "expired" | "unknown" | "initial" | "no-id" | "ids-not-unique" | "unsendable-id" | (string & {});
}
type Instrument = (name: string) => Observer;
interface CommonOptions {
    headers?: HeadersInit | ((context: AttemptContext) => HeadersInit | Promise<HeadersInit>);
    auth?: AuthProvider;
    trustedOrigins?: readonly string[];
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
    onComment?(text: string): void;
    instrument?: Instrument;
    clock?: Clock;
    random?(): number;
}
interface ClientOptions extends CommonOptions {
    baseUrl?: string | URL;
    lastEventId?: "header" | false | ((url: string, id: string) => string);
}
interface ProtocolEvent {
    readonly type: string;
    readonly data: string;
    readonly id: string;
}
type Step<Delta> = {
    type: "start";
    resume?: string | undefined;
    streamId?: string | undefined;
    heartbeat?: number | undefined;
} | {
    type: "delta";
    delta: Delta;
    index?: number | undefined;
    count?: number | undefined;
} | {
    type: "pass";
    index?: number | undefined;
    count?: number | undefined;
} | {
    type: "end";
    finishReason?: string | undefined;
    rawFinishReason?: string | undefined;
    usage?: unknown;
} | {
    type: "error";
    message: string;
    code?: string | undefined;
    retryable?: boolean | undefined;
};
interface Protocol<Delta> {
    name?: string;
    map(event: ProtocolEvent, state: Record<string, unknown>): Step<Delta> | readonly Step<Delta>[] | undefined;
    text?(delta: Delta): string;
    eof?: "truncated" | "end";
    resumable?: boolean;
}
interface StreamEvent<Type extends string = string, Data = unknown> {
    readonly type: Type;
    readonly data: Data;
    readonly id: string;
}
type EventOf<Events extends object> = {
    [Type in keyof Events & string]: StreamEvent<Type, Events[Type]>;
}[keyof Events & string];
interface ListenerOptions {
    signal?: AbortSignal;
}
type AddListener<Events extends object> = <Type extends keyof Events & string>(type: Type, listener: (event: StreamEvent<Type, Events[Type]>) => unknown, options?: ListenerOptions) => () => void;
type AddAnyListener = (listener: (event: StreamEvent) => unknown, options?: ListenerOptions) => () => void;
interface StandardSchema<Input = unknown, Output = Input> {
    readonly "~standard": {
        readonly version: 1;
        readonly vendor: string;
        readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
        readonly types?: {
            readonly input: Input;
            readonly output: Output;
        } | undefined;
    };
}
type SchemaResult<Output> = {
    readonly value: Output;
    readonly issues?: undefined;
} | {
    readonly issues: readonly {
        readonly message: string;
    }[];
};
type Schemas = {
    readonly [type: string]: StandardSchema;
};
type InferEvents<Map extends Schemas> = {
    [Type in keyof Map]: NonNullable<Map[Type]["~standard"]["types"]>["output"];
};
type ParseOption = "json" | "text" | ((data: string, event: {
    type: string;
    id: string;
}) => unknown);
interface Persistence {
    load(): Cursor | undefined | Promise<Cursor | undefined>;
    save(cursor: Cursor): void | Promise<void>;
    clear(): void | Promise<void>;
}
interface StreamOptions extends CommonOptions, Omit<RequestInit, "headers" | "body"> {
    body?: Exclude<BodyInit, ReadableStream> | null;
    json?: unknown;
    searchParams?: URLSearchParams | Record<string, string | number | boolean> | string;
    persist?: Persistence;
}
interface SubscribeOptions extends StreamOptions {
    parse?: ParseOption;
    schema?: Schemas;
    repeatable?: boolean;
    dedupeWindow?: number;
    lastEventId?: string | false | ((url: string, id: string) => string);
}
interface RunOptions<Delta = unknown> extends StreamOptions {
    protocol?: Protocol<Delta>;
    schema?: Schemas;
    idempotencyKey?: string | false;
    detachBehavior?: "continue" | "cancel";
}
type Secret = string | ((context: AttemptContext) => string | Promise<string>);
declare function bearer(token: Secret): AuthProvider;
declare function apiKey(key: Secret, { header }?: {
    header?: string;
}): AuthProvider;
interface TextDelta {
    readonly content: string;
    readonly index: number;
}
declare function native(): Protocol<TextDelta>;
interface RunResult {
    readonly text: string;
    readonly finishReason: string | undefined;
    readonly rawFinishReason?: string;
    readonly usage?: unknown;
}
interface Run<Delta = TextDelta, Events extends object = Record<string, unknown>> extends AsyncIterable<Delta> {
    on: AddListener<Events>;
    events(): AsyncIterableIterator<EventOf<Events>, undefined>;
    batches(): AsyncIterableIterator<Delta[], undefined>;
    readonly text: string;
    readonly state: StreamState;
    readonly cursor: Cursor | undefined;
    final(): Promise<RunResult>;
    reconnect(): boolean;
    cancel(): Promise<void>;
    detach(): void;
}
interface FeedEvents {
    connected: {
        readonly protocol: 1;
        readonly clientId: string;
        readonly message: string;
        readonly heartbeat?: number;
    };
    reset: {
        readonly reason: string;
        readonly snapshot?: unknown;
    };
}
type WithFeedEvents<Events extends object> = Events & (string extends keyof Events ? FeedEvents : Omit<FeedEvents, keyof Events>);
interface Subscription<Events extends object = Record<string, unknown>> extends AsyncIterable<EventOf<Events>> {
    on: AddListener<WithFeedEvents<Events>>;
    once: AddListener<WithFeedEvents<Events>>;
    onAny: AddAnyListener;
    readonly state: StreamState;
    readonly lastEventId: string;
    readonly closed: Promise<StreamError | undefined>;
    batches(): AsyncIterableIterator<EventOf<Events>[], undefined>;
    reconnect(): boolean;
    close(): void;
    [Symbol.dispose](): void;
}
type SharedOptions = Pick<ClientOptions, "baseUrl">;
interface Subscribe<Shared = unknown> {
    <Map extends Schemas>(url: string | URL, options: SubscribeOptions & Shared & {
        schema: Map;
    }): Subscription<InferEvents<Map>>;
    <Events extends object = Record<string, unknown>>(url: string | URL, options?: SubscribeOptions & Shared): Subscription<Events>;
}
interface StreamRun<Shared = unknown> {
    <Delta>(url: string | URL, options: RunOptions<Delta> & Shared & {
        protocol: Protocol<Delta>;
    }): Run<Delta>;
    <Map extends Schemas>(url: string | URL, options: RunOptions<TextDelta> & Shared & {
        schema: Map;
    }): Run<TextDelta, InferEvents<Map>>;
    <Events extends object = Record<string, unknown>>(url: string | URL, options?: RunOptions<TextDelta> & Shared): Run<TextDelta, Events>;
}
interface ResumeRun<Shared = unknown> {
    <Delta>(cursor: Cursor, options: RunOptions<Delta> & Shared & {
        protocol: Protocol<Delta>;
    }): Run<Delta>;
    <Events extends object = Record<string, unknown>>(cursor: Cursor, options?: RunOptions<TextDelta> & Shared): Run<TextDelta, Events>;
}
interface Client {
    subscribe: Subscribe;
    stream: StreamRun;
    resume: ResumeRun;
    close(): void;
    [Symbol.dispose](): void;
}
declare function createClient(options?: ClientOptions): Client;
declare const subscribe: Subscribe<SharedOptions>;
declare const stream: StreamRun<SharedOptions>;
declare const resume: ResumeRun<SharedOptions>;
declare function fetchConnect(fetch?: typeof globalThis.fetch): Connect;
declare function rawEvents(): Protocol<ProtocolEvent>;
export { StreamError, apiKey, bearer, createClient, fetchConnect, isStreamError, native, rawEvents, resume, stream, subscribe };
export type { AddAnyListener, AddListener, AttemptContext, AuthProvider, Batch, Block, Client, ClientOptions, Clock, CommonOptions, Connect, ConnectRequest, Connection, Cursor, EventOf, FeedEvents, InferEvents, Instrument, ListenerOptions, Observer, ParseOption, Persistence, Problem, Protocol, ProtocolEvent, ResumeRun, RetryOptions, Run, RunOptions, RunResult, Schemas, SharedOptions, StandardSchema, Step, StreamErrorCode, StreamErrorDetails, StreamEvent, StreamOptions, StreamRecord, StreamReset, StreamResponse, StreamRun, StreamState, Subscribe, SubscribeOptions, Subscription, TextDelta };
