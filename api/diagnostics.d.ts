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
type Instrument = (name: string) => Observer;
interface DiagnosticBase {
    readonly stream: number;
    readonly name: string;
    readonly time: number;
}
type Diagnostic = DiagnosticBase & (Exclude<StreamRecord, {
    type: "state";
}> | {
    readonly type: "retry";
    readonly code: StreamErrorCode;
    readonly status?: number | undefined;
    readonly delay: number;
} | {
    readonly type: "closed";
    readonly code?: StreamErrorCode | undefined;
    readonly status?: number | undefined;
});
declare function diagnose(onDiagnostic: (record: Diagnostic) => void): Instrument;
export { diagnose };
export type { Diagnostic, DiagnosticBase, Instrument };
