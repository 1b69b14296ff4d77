type StreamErrorCode = "network" | "http" | "content-type" | "auth" | "idle" | "stalled" | "truncated" | "gap" | "server" | "too-large" | "invalid-data" | "overflow" | "retries-exhausted" | "expired" | "redirect" | "unsupported";
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
    readonly type: "retry";
    readonly code: StreamErrorCode;
    readonly status?: number | undefined;
    readonly delay: number;
} | {
    readonly type: "closed";
    readonly code?: StreamErrorCode | undefined;
    readonly status?: number | undefined;
};
type Observer = (record: StreamRecord) => void;
type Instrument = (name: string) => Observer;
interface DiagnosticBase {
    readonly stream: number;
    readonly name: string;
    readonly time: number;
}
type Diagnostic = DiagnosticBase & StreamRecord;
declare function diagnose(onDiagnostic: (record: Diagnostic) => void): Instrument;
export { diagnose };
export type { Diagnostic, DiagnosticBase, Instrument };
