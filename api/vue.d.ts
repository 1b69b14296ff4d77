import { ComputedRef, MaybeRefOrGetter } from "vue";
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
interface Block$1 {
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
    blocks: Block$1[];
    bytes: number;
    retry?: number | undefined;
    begins?: boolean | undefined;
    native?: boolean | undefined;
    unfinished?: Block$1 | undefined;
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
interface RetryOptions {
    limit?: number | undefined;
    delay?: number | undefined;
    maxDelay?: number | undefined;
    jitter?: boolean | ((delay: number) => number) | undefined;
    statusCodes?: readonly number[] | undefined;
    shouldRetry?: ((context: {
        error: StreamError;
        attempt: number;
    }) => boolean) | undefined;
}
type StreamStatus = "idle" | "connecting" | "refreshing" | "open" | "waiting" | "closed";
interface StreamState {
    readonly status: StreamStatus;
    readonly attempt: number;
    readonly nextAttemptAt?: number;
    readonly error?: StreamError;
}
type StreamRecord = {
    readonly type: "made";
    readonly kind: "feed" | "run";
    readonly resumes: boolean;
    readonly label?: string | undefined;
} | {
    readonly type: "attempt";
    readonly attempt: number;
    readonly reason: "connect" | "rejected";
} | {
    readonly type: "request";
    readonly method: string;
    readonly lastEventId?: string | undefined;
} | {
    readonly type: "response";
    readonly status: number;
    readonly via?: Connection["via"];
} | {
    readonly type: "opened";
    readonly reconnected: boolean;
} | {
    readonly type: "read";
    readonly events: number;
    readonly bytes: number;
    readonly comments: number;
    blocks(): readonly Block$1[];
} | {
    readonly type: "backpressure";
    readonly released: Promise<void>;
} | {
    readonly type: "duplicate";
    readonly id: string;
} | {
    readonly type: "reset";
    readonly reason: string;
} | {
    readonly type: "error";
    readonly error: StreamError;
} | {
    readonly type: "cursor";
    readonly action: "restored" | "saved" | "cleared";
} | {
    readonly type: "cancel";
    readonly status: number;
} | {
    readonly type: "finish";
    readonly finishReason?: string | undefined;
    readonly usage?: unknown;
} | {
    readonly type: "close";
    readonly isAbort: boolean;
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
    headers?: HeadersInit | ((context: AttemptContext) => HeadersInit | Promise<HeadersInit>) | undefined;
    auth?: AuthProvider | undefined;
    trustedOrigins?: readonly string[] | undefined;
    retry?: false | number | RetryOptions | undefined;
    connectTimeout?: number | undefined;
    idleTimeout?: number | undefined;
    stallTimeout?: number | undefined;
    maxEventSize?: number | undefined;
    queue?: {
        events?: number | undefined;
        bytes?: number | undefined;
    } | undefined;
    contentType?: false | ((type: string) => boolean) | undefined;
    fetch?: typeof fetch | undefined;
    connect?: Connect | undefined;
    scope?: string | undefined;
    onResponse?: ((response: StreamResponse) => void) | undefined;
    onError?: ((error: StreamError) => void) | undefined;
    onReset?: ((reset: StreamReset) => void) | undefined;
    onStateChange?: ((state: StreamState) => void) | undefined;
    onComment?: ((text: string) => void) | undefined;
    instrument?: Instrument | undefined;
    clock?: Clock | undefined;
    random?: (() => number) | undefined;
}
interface ToolCall {
    readonly type: "tool-call";
    readonly id: string;
    readonly name: string;
    readonly args: string;
    readonly input?: unknown;
    readonly server: boolean;
    readonly output?: unknown;
    readonly error?: string;
    readonly raw?: unknown;
}
interface TextBlock {
    readonly type: "text" | "reasoning" | "refusal";
    readonly content: string;
    readonly raw?: unknown;
}
type Block = TextBlock | ToolCall | {
    readonly type: "source";
    readonly url?: string;
    readonly title?: string;
    readonly raw: unknown;
} | {
    readonly type: "data";
    readonly name: string;
    readonly data: unknown;
};
interface Message {
    readonly id?: string;
    readonly model?: string;
    readonly blocks: readonly Block[];
}
interface Usage {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly reasoningTokens?: number;
    readonly cachedTokens?: number;
    readonly raw: unknown;
}
interface ProtocolEvent {
    readonly type: string;
    readonly data: string;
    readonly id: string;
}
interface End {
    finishReason?: string | undefined;
    rawFinishReason?: string | undefined;
    usage?: unknown;
    message?: unknown;
}
interface StepFields {
    at?: string | undefined;
    data?: unknown;
}
type Step<Delta> = StepFields & ({
    type: "start";
    resume?: string | undefined;
    streamId?: string | undefined;
    heartbeat?: number | undefined;
    id?: string | undefined;
    model?: string | undefined;
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
    type: "skip";
} | ({
    type: "end";
} & End) | {
    type: "error";
    message: string;
    code?: string | undefined;
    retryable?: boolean | undefined;
    detail?: unknown;
    usage?: unknown;
});
interface Refusal {
    message?: string | undefined;
    code?: string | undefined;
    retryable?: boolean | undefined;
    retryAfter?: number | undefined;
}
interface Protocol<Delta, State = void, Message = unknown> {
    name?: string;
    begin?(): State;
    connected?(state: State, info: {
        readonly replay: boolean;
        readonly url: string;
    }): void;
    map(event: ProtocolEvent, state: State): Step<Delta> | readonly Step<Delta>[] | undefined;
    text?(delta: Delta): string;
    reduce?(message: Message | undefined, delta: Delta, start: {
        readonly id?: string;
        readonly model?: string;
    } | undefined): Message;
    eof?: "truncated" | "end" | {
        endOf(state: State): End | undefined;
    }["endOf"];
    resume?: {
        url(address: string, at?: string): string;
        replays: "after" | "all";
        fromStart?: string;
    };
    cancel?(address: string): {
        method: string;
        url: string;
    };
    idempotent?: boolean;
    refusal?(status: number, headers: Headers, body: unknown): Refusal | undefined;
    timeouts?: {
        connectTimeout?: number | undefined;
        idleTimeout?: number | undefined;
        stallTimeout?: number | undefined;
    };
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
interface TextDelta {
    readonly content: string;
    readonly index: number;
}
type ParseOption = "json" | "text" | ((data: string, event: {
    type: string;
    id: string;
}) => unknown);
interface Persistence {
    load(request?: string): Cursor | undefined | Promise<Cursor | undefined>;
    save(cursor: Cursor, request?: string): void | Promise<void>;
    clear(): void | Promise<void>;
}
type FetchOptions = {
    [Name in Exclude<keyof RequestInit, "headers" | "body">]?: RequestInit[Name] | undefined;
};
interface StreamOptions extends CommonOptions, FetchOptions {
    body?: Exclude<BodyInit, ReadableStream> | null | undefined;
    json?: unknown;
    searchParams?: URLSearchParams | Record<string, string | number | boolean> | string | undefined;
    label?: string;
    persist?: Persistence | undefined;
}
interface SubscribeOptions extends StreamOptions {
    parse?: ParseOption | undefined;
    schema?: Schemas | undefined;
    repeatable?: boolean | undefined;
    dedupeWindow?: number | undefined;
    lastEventId?: string | false | ((url: string, id: string) => string) | undefined;
}
interface RunOptions<Delta = TextDelta> extends StreamOptions {
    protocol?: Protocol<Delta, unknown> | undefined;
    message?: Message | undefined;
    text?: string | undefined;
    schema?: Schemas | undefined;
    idempotencyKey?: string | false | undefined;
    detachBehavior?: "continue" | "cancel" | undefined;
}
interface RunResult {
    readonly text: string;
    readonly finishReason: string | undefined;
    readonly rawFinishReason?: string;
    readonly usage?: unknown;
    readonly cancelError?: unknown;
}
interface MessageResult<OwnMessage = Message> extends RunResult {
    readonly message: OwnMessage;
    readonly toolCalls: readonly ToolCall[];
    readonly usage?: Usage;
}
type WithDeltas<Events extends object, Delta> = [
    Delta
] extends [
    TextDelta
] ? Events & (string extends keyof Events ? {
    delta: TextDelta;
} : Omit<{
    delta: TextDelta;
}, keyof Events>) : Events;
interface Run<Delta = TextDelta, Events extends object = Record<string, unknown>, OwnMessage = unknown> extends AsyncIterable<Delta> {
    on: AddListener<WithDeltas<Events, Delta>>;
    events(): AsyncIterableIterator<EventOf<Events>, undefined>;
    batches(): AsyncIterableIterator<Delta[], undefined>;
    readonly text: string;
    readonly message: OwnMessage | undefined;
    readonly state: StreamState;
    readonly cursor: Cursor | undefined;
    final(): Promise<OwnMessage extends Message ? MessageResult<OwnMessage> : RunResult>;
    subscribe(listener: () => void): () => void;
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
    subscribe(listener: () => void): () => void;
    reconnect(): boolean;
    close(): void;
    [Symbol.dispose](): void;
}
interface Subscribe<Shared = unknown> {
    <Map extends Schemas>(url: string | URL, options: SubscribeOptions & Shared & {
        schema: Map;
    }): Subscription<InferEvents<Map>>;
    <Events extends object = Record<string, unknown>>(url: string | URL, options?: SubscribeOptions & Shared): Subscription<Events>;
}
interface StreamRun<Shared = unknown> {
    <Delta, State, Message, Events extends object = Record<string, unknown>>(url: string | URL, options: RunOptions<Delta> & Shared & {
        protocol: Protocol<Delta, State, Message>;
    }): Run<Delta, Events, Message>;
    <Map extends Schemas>(url: string | URL, options: RunOptions & Shared & {
        schema: Map;
    }): Run<TextDelta, InferEvents<Map>>;
    <Events extends object = Record<string, unknown>>(url: string | URL, options?: RunOptions & Shared): Run<TextDelta, Events>;
}
interface ResumeRun<Shared = unknown> {
    <Delta, State, Message, Events extends object = Record<string, unknown>>(cursor: Cursor, options: RunOptions<Delta> & Shared & {
        protocol: Protocol<Delta, State, Message>;
    }): Run<Delta, Events, Message>;
    <Events extends object = Record<string, unknown>>(cursor: Cursor, options?: RunOptions & Shared): Run<TextDelta, Events>;
}
interface RestoreRun {
    <Delta, State, Message, Events extends object = Record<string, unknown>>(store: Persistence, options: RestoreOptions<Delta> & {
        protocol: Protocol<Delta, State, Message>;
    }): Promise<Run<Delta, Events, Message> | undefined>;
    <Events extends object = Record<string, unknown>>(store: Persistence, options?: RestoreOptions<TextDelta>): Promise<Run<TextDelta, Events> | undefined>;
}
type RestoreOptions<Delta> = Omit<RunOptions<Delta>, "persist" | "text" | "message">;
interface Client {
    subscribe: Subscribe;
    stream: StreamRun;
    resume: ResumeRun;
    restore: RestoreRun;
    close(): void;
    [Symbol.dispose](): void;
}
type Pace = "frame" | "sync" | number;
interface StoreOptions {
    pace?: Pace | undefined;
    clock?: Clock | undefined;
}
interface ReadableStore<Snapshot> {
    get(): Snapshot;
    subscribe(listener: () => void): () => void;
}
interface FeedSnapshot<Value> {
    readonly value: Value;
    readonly connection: StreamState;
    readonly error: StreamError | undefined;
}
interface FeedStoreOptions<Value> extends StoreOptions, Omit<SubscribeOptions, "clock"> {
    readonly initial: Value;
    reduce(value: Value, event: StreamEvent): Value;
    linger?: number | undefined;
}
interface SharedFeed<Value> extends ReadableStore<FeedSnapshot<Value>> {
}
interface RunRequest<OwnMessage = unknown> extends Omit<RunOptions, "protocol"> {
    readonly url: string | URL;
    readonly protocol?: Protocol<unknown, unknown, OwnMessage> | undefined;
}
interface RunSnapshot<OwnMessage = unknown> {
    readonly status: "idle" | "submitted" | "streaming" | "done" | "stopped" | "error";
    readonly text: string;
    readonly message: OwnMessage | undefined;
    readonly finishReason: string | undefined;
    readonly usage: unknown;
    readonly error: Error | undefined;
    readonly connection: StreamState;
}
interface RunStoreOptions<OwnMessage = unknown> extends StoreOptions {
    unmount?: "cancel" | "detach" | undefined;
    onFinish?: ((result: OwnMessage extends Message ? MessageResult<OwnMessage> : RunResult) => void) | undefined;
    onError?: ((error: Error) => void) | undefined;
}
interface RunActions<OwnMessage = unknown> {
    start(request: RunRequest<OwnMessage>): void;
    stop(): void;
    retry(): void;
    resume(): boolean;
    reset(): void;
}
type SnapshotRefs<Snapshot> = {
    readonly [Field in keyof Snapshot]: ComputedRef<Snapshot[Field]>;
};
declare function useFeed<Value, Selected = Value>(feed: SharedFeed<Value>, select?: (value: Value) => Selected): SnapshotRefs<FeedSnapshot<Selected>>;
declare function useFeed<Value>(client: Pick<Client, "subscribe">, url: MaybeRefOrGetter<string | URL | null | undefined>, options: FeedStoreOptions<Value>): SnapshotRefs<FeedSnapshot<Value>>;
declare function useRun<OwnMessage = unknown>(client: Pick<Client, "stream" | "resume">, request: MaybeRefOrGetter<RunRequest<OwnMessage> | null | undefined>, options?: RunStoreOptions<OwnMessage>): SnapshotRefs<RunSnapshot<OwnMessage>> & RunActions<OwnMessage>;
export { useFeed, useRun };
export type { FeedSnapshot, FeedStoreOptions, RunActions, RunRequest, RunSnapshot, RunStoreOptions, SharedFeed, SnapshotRefs };
