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
interface Block {
    type: string;
    data: string | undefined;
    id: string | undefined;
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
    blocks(): readonly Block[];
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
type Instrument = (name: string) => Observer;
type RowStatus = "idle" | "connecting" | "open" | "paused" | "waiting" | "closed" | "failed";
interface TimelineEntry {
    readonly time: number;
    readonly kind: "attempt" | "response" | "opened" | "events" | "heartbeat" | "duplicate" | "reset" | "error" | "paused" | "resumed" | "retry" | "cursor" | "cancel" | "closed";
    readonly count: number;
    readonly text: string;
}
interface Payload {
    readonly time: number;
    readonly event: string;
    readonly id?: string | undefined;
    readonly data: string;
}
interface StreamRow {
    readonly stream: number;
    readonly name: string;
    label?: string | undefined;
    kind: "feed" | "run";
    origin: "fresh" | "resumed" | "restored";
    status: RowStatus;
    reason: string;
    via?: "own" | "channel" | "tab";
    records: number;
    readonly madeAt: number;
    updatedAt: number;
    firstEventAfter?: number;
    attemptedAt?: number;
    lostAt?: number | undefined;
    preparedIn: number;
    attempts: number;
    retries: number;
    longestGap: number;
    events: number;
    duplicates: number;
    heartbeats: number;
    bytes: number;
    resets: number;
    errors: number;
    lastEventId: string;
    cursor?: "restored" | "saved" | "cleared";
    usage?: unknown;
    readonly timeline: readonly TimelineEntry[];
    droppedEntries: number;
    readonly payloads: readonly Payload[];
}
interface Inspector {
    readonly instrument: Instrument;
    readonly streams: readonly StreamRow[];
    subscribe(listener: (row: StreamRow | undefined) => void): () => void;
    mount(parent?: Element): HTMLElement;
    print(): void;
    clear(): void;
}
interface InspectOptions {
    readonly payloads?: boolean;
    readonly maxStreams?: number;
    readonly maxEntries?: number;
    readonly maxPayloads?: number;
}
declare function inspect(options?: InspectOptions): Inspector;
export { inspect };
export type { InspectOptions, Inspector, Payload, RowStatus, StreamRow, TimelineEntry };
