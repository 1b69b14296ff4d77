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
interface DiagnosticBase {
    readonly stream: number;
    readonly name: string;
    readonly time: number;
}
type CloseReason = "end" | "no-content" | "cancelled" | "close" | "detach" | "abort" | "error";
type Diagnostic = DiagnosticBase & (Exclude<StreamRecord, {
    type: "response" | "read" | "backpressure" | "error" | "finish" | "close" | "state";
}> | {
    readonly type: "response";
    readonly status: number;
    readonly via: "own" | "channel" | "tab";
} | {
    readonly type: "read";
    readonly events: number;
    readonly bytes: number;
    readonly comments: number;
} | {
    readonly type: "event";
    readonly event: string;
    readonly id?: string | undefined;
    readonly size: number;
    readonly data?: string;
} | {
    readonly type: "backpressure";
    readonly isPaused: boolean;
} | {
    readonly type: "error";
    readonly code: StreamErrorCode;
    readonly status?: number | undefined;
    readonly id?: string | undefined;
} | {
    readonly type: "retry";
    readonly code: StreamErrorCode;
    readonly status?: number | undefined;
    readonly delay: number;
} | {
    readonly type: "closed";
    readonly reason: CloseReason;
    readonly code?: StreamErrorCode | undefined;
    readonly status?: number | undefined;
    readonly finishReason?: string | undefined;
    readonly usage?: unknown;
});
interface DiagnoseOptions {
    readonly payloads?: boolean;
}
declare function diagnose(onDiagnostic: (record: Diagnostic) => void, { payloads }?: DiagnoseOptions): Instrument;
export { diagnose };
export type { CloseReason, DiagnoseOptions, Diagnostic, DiagnosticBase, Instrument };
