interface Clock {
    now(): number;
    date(): number;
    after(ms: number, callback: () => void, purpose?: "awaited" | "housekeeping"): () => void;
}
declare class HttpError extends Error {
    readonly name: string;
    readonly status: number;
    readonly headers: HeadersInit | undefined;
    constructor(status: number, detail: string, headers?: HeadersInit);
}
interface Retention {
    readonly events: number;
    readonly bytes: number;
    readonly age: number;
}
interface LogEvent {
    readonly position: number;
    readonly nonce: string;
    readonly frame: string;
}
type LogState = "open" | "closed";
interface Page {
    readonly epoch: string;
    readonly first: number;
    readonly head: number;
    readonly nonce: string;
    readonly previousNonce: string;
    readonly state: LogState;
    readonly events: readonly LogEvent[];
}
interface AppendOptions {
    readonly nonce: string;
    readonly retention: Retention;
    readonly at?: number;
    readonly token?: number;
    readonly sender?: {
        readonly id: string;
        readonly sequence: number;
    };
    readonly close?: boolean;
}
type Refusal$1 = "fenced" | "closed" | "gap" | "gone" | "overloaded";
type Appended = {
    readonly position: number;
    readonly epoch: string;
} | {
    readonly refused: Refusal$1;
    readonly head: number;
};
interface ClaimOptions {
    readonly key?: string;
    readonly fingerprint?: string;
    readonly owner: string;
    readonly lease: number;
    readonly keep: number;
}
type Claim = {
    readonly role: "producer";
    readonly token: number;
    readonly isCancelled: boolean;
} | {
    readonly role: "reader";
    readonly stream: string;
} | {
    readonly role: "conflict";
} | {
    readonly role: "full";
};
interface RunRecord {
    readonly owner: string;
    readonly state: LogState;
    readonly isStopped: boolean;
    readonly readers: number;
    readonly unreadFor: number;
}
type Wake = "appended" | "stopped" | "dropped";
type Lease = "held" | "stopped" | "lost";
interface EventLog {
    append(stream: string, frames: readonly string[], options: AppendOptions): Promise<Appended>;
    read(stream: string, after: number, limits: {
        readonly bytes: number;
    }): Promise<Page | undefined>;
    tail(stream: string, wake: (reason: Wake) => void): () => void;
    claim(stream: string, options: ClaimOptions): Promise<Claim>;
    renew(stream: string, token: number, ms: number): Promise<Lease>;
    find(stream: string): Promise<RunRecord | undefined>;
    finish(stream: string, frame: string, when: "always" | "lease-lost"): Promise<boolean>;
    stop(stream: string): Promise<void>;
    cancelKey(key: string, ms: number): Promise<string | undefined>;
    join(stream: string, process: string, ms: number): Promise<void>;
    leave(stream: string, process: string): Promise<void>;
    drop(stream: string): Promise<void>;
    close(): Promise<void>;
}
type Delta$1 = {
    readonly type: "text" | "reasoning" | "refusal";
    readonly block: number;
    readonly content: string;
    readonly raw?: unknown;
} | {
    readonly type: "tool-call";
    readonly block: number;
    readonly id?: string;
    readonly name?: string;
    readonly args: string;
    readonly server?: boolean;
    readonly raw?: unknown;
} | {
    readonly type: "tool-result";
    readonly id: string;
    readonly output: unknown;
    readonly error?: string;
} | {
    readonly type: "source";
    readonly block: number;
    readonly url?: string;
    readonly title?: string;
    readonly raw: unknown;
} | {
    readonly type: "data";
    readonly block: number;
    readonly name: string;
    readonly data: unknown;
} | {
    readonly type: "reset";
    readonly from: number;
};
interface Usage$1 {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly reasoningTokens?: number;
    readonly cachedTokens?: number;
    readonly raw: unknown;
}
type FinishReason = "stop" | "length" | "tool-calls" | "content-filter" | "paused" | "error" | "cancelled";
interface ProtocolEvent {
    readonly type: string;
    readonly data: string;
    readonly id: string;
}
interface End$1 {
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
} & End$1) | {
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
        endOf(state: State): End$1 | undefined;
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
type CloseReason = "done" | "left" | "expired" | "slow" | "behind" | "closed";
interface ReaderRecord {
    readonly kind: "feed" | "run" | "channel";
    readonly stream: string;
    readonly subject: string;
}
type ServerRecord = ({
    readonly type: "open";
} & ReaderRecord) | ({
    readonly type: "resumed";
    readonly missed: number;
} & ReaderRecord) | ({
    readonly type: "reset";
    readonly reason: "expired" | "unknown";
} & ReaderRecord) | ({
    readonly type: "close";
    readonly reason: CloseReason;
    readonly duration: number;
} & ReaderRecord) | {
    readonly type: "run-start";
    readonly id: string;
    readonly subject: string;
} | {
    readonly type: "run-end";
    readonly id: string;
    readonly subject: string;
    readonly outcome: string;
    readonly duration: number;
    readonly error?: unknown;
} | {
    readonly type: "error";
    readonly error: unknown;
};
type Instrument = (record: ServerRecord) => void;
interface Identity {
    readonly subject: string;
    readonly expiresAt?: number | undefined;
}
interface ChannelRoute {
    readonly handler: (request: Request) => Promise<Response>;
}
interface ChannelsOptions {
    readonly routes: Readonly<Record<string, ChannelRoute>> | ((path: string) => ChannelRoute | undefined);
    readonly headers?: readonly string[];
    readonly maxStreams?: number;
    readonly maxOperations?: number;
    readonly maxEventBytes?: number;
}
interface Channels {
    readonly handler: (request: Request) => Promise<Response>;
}
interface Limits {
    readonly body: number;
    readonly streams: number;
    readonly runs: number;
}
interface Snapshot {
    readonly data: unknown;
    readonly at?: string | undefined;
}
interface FeedOptions<Id extends Identity> {
    readonly retention?: Partial<Retention>;
    readonly authorize?: (identity: Id, request: Request) => boolean | Promise<boolean>;
    readonly snapshot?: (identity: Id) => Snapshot | Promise<Snapshot>;
    readonly types?: readonly string[];
    readonly retry?: number;
}
interface Feed<Events extends object> {
    send<Type extends keyof Events & string>(type: Type, data: Events[Type]): Promise<string>;
    readonly handler: (request: Request) => Promise<Response>;
}
type Delta = string | {
    readonly type?: "text" | "reasoning" | "refusal";
    readonly content: string;
    readonly block?: number;
} | Exclude<Delta$1, {
    readonly content: string;
}>;
interface End {
    readonly finishReason?: FinishReason | undefined;
    readonly rawFinishReason?: string | undefined;
    readonly usage?: Usage | undefined;
}
type Usage = Omit<Usage$1, "raw">;
declare class RunError extends Error {
    readonly name: string;
    readonly code: string;
    readonly retryable: boolean;
    constructor(code: string, message: string, options?: {
        readonly retryable?: boolean;
        readonly cause?: unknown;
    });
}
type RunOutcome = FinishReason | "failed" | "lost";
interface EndedRun {
    readonly id: string;
    readonly text: string;
    readonly outcome: RunOutcome;
}
interface GenerateContext<Body, Id extends Identity> {
    readonly id: string;
    readonly body: Body;
    readonly identity: Id;
    readonly signal: AbortSignal;
}
interface RunAccess {
    readonly action: "start" | "read" | "cancel";
    readonly id?: string;
    readonly owner: string;
}
interface RunsOptions<Body, Id extends Identity> {
    readonly parse?: (body: unknown) => Body | Promise<Body>;
    readonly generate: (context: GenerateContext<Body, Id>) => AsyncGenerator<Delta, End | void> | AsyncIterable<Delta>;
    readonly onEnd?: (run: EndedRun & {
        readonly identity: Id;
    }) => void | Promise<void>;
    readonly authorize?: (identity: Id, access: RunAccess) => boolean | Promise<boolean>;
    readonly retention?: number;
    readonly abandon?: number;
    readonly maxBytes?: number;
}
interface Runs {
    readonly handler: (request: Request) => Promise<Response>;
}
interface ServerOptions<Id extends Identity> {
    readonly log?: EventLog;
    readonly authenticate?: (request: Request) => Id | undefined | Promise<Id | undefined>;
    readonly heartbeat?: number;
    readonly drainTimeout?: number;
    readonly cors?: string | readonly string[];
    readonly waitUntil?: (promise: Promise<unknown>) => void;
    readonly instrument?: Instrument;
    readonly clock?: Clock;
    readonly limits?: Partial<Limits>;
}
interface Server<Id extends Identity> {
    feed<Events extends object = Record<string, unknown>>(name: string, options?: FeedOptions<Id>): Feed<Events>;
    runs<Body = unknown>(options: RunsOptions<Body, Id>): Runs;
    channel(options: ChannelsOptions): Channels;
    close(options?: {
        readonly grace?: number;
    }): Promise<void>;
}
declare function createServer<Id extends Identity = Identity>(options?: ServerOptions<Id>): Server<Id>;
type SendErrorCode = "overloaded" | "unavailable" | "closed";
declare class SendError extends Error {
    readonly name: string;
    readonly code: SendErrorCode;
    constructor(code: SendErrorCode, message: string, options?: ErrorOptions);
}
interface MemoryLogOptions {
    readonly maxBytes?: number;
    readonly maxRuns?: number;
    readonly shared?: boolean;
    readonly clock?: Clock;
}
declare function memoryLog(options?: MemoryLogOptions): EventLog;
declare function deltasOf<D, State, Message>(response: Response, protocol: Protocol<D, State, Message>): AsyncGenerator<Delta, End>;
export { HttpError, RunError, SendError, createServer, deltasOf, memoryLog };
export type { AppendOptions, Appended, ChannelRoute, Channels, ChannelsOptions, Claim, ClaimOptions, Clock, CloseReason, Delta, End, EndedRun, EventLog, Feed, FeedOptions, FinishReason, GenerateContext, Identity, Instrument, Lease, Limits, LogEvent, LogState, MemoryLogOptions, Page, ReaderRecord, Refusal$1 as Refusal, Retention, RunAccess, RunOutcome, RunRecord, Runs, RunsOptions, SendErrorCode, Server, ServerOptions, ServerRecord, Snapshot, Usage, Wake };
