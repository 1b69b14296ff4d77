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
interface ParsedEvent {
    type: string;
    data: string;
    id: string;
}
interface ReadOptions {
    onComment?(text: string): void;
    onRetry?(ms: number): void;
    maxEventSize?: number;
}
interface ParserOptions extends ReadOptions {
    onEvent(event: ParsedEvent): void;
}
interface Parser {
    readonly lastEventId: string;
    push(chunk: Uint8Array | string): void;
    end(): void;
    reset(): void;
}
declare function createParser({ onEvent, onComment, onRetry, maxEventSize }: ParserOptions): Parser;
type EventStreamDecoderStream = TransformStream<Uint8Array | string, ParsedEvent>;
declare const EventStreamDecoderStream: {
    new (options?: ReadOptions): EventStreamDecoderStream;
    readonly prototype: EventStreamDecoderStream;
};
type EventStreamSource = ReadableStream<Uint8Array | string> | {
    readonly body: ReadableStream<Uint8Array | string> | null;
};
declare function parseEventStream(source: EventStreamSource, options?: ReadOptions): AsyncIterableIterator<ParsedEvent, undefined>;
interface EventFields {
    type?: string | undefined;
    data?: string | undefined;
    id?: string | undefined;
    retry?: number | undefined;
    comment?: string | undefined;
}
declare function encodeEvent({ type, data, id, retry, comment }: EventFields): string;
export { EventStreamDecoderStream, StreamError, createParser, encodeEvent, isStreamError, parseEventStream };
export type { EventFields, EventStreamSource, ParsedEvent, Parser, ParserOptions, ReadOptions, StreamErrorCode };
