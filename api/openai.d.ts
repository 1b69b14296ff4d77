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
interface ChatChunk {
    readonly id?: string;
    readonly model?: string;
    readonly choices?: readonly {
        readonly index: number;
        readonly delta?: {
            readonly role?: string;
            readonly content?: string | null;
            readonly [field: string]: unknown;
        };
        readonly finish_reason?: string | null;
    }[];
    readonly usage?: unknown;
    readonly error?: {
        readonly message?: string;
        readonly code?: string | null;
        readonly type?: string;
    };
}
interface ChatDelta {
    readonly content: string;
    readonly choice: number;
    readonly chunk: ChatChunk;
}
declare function openaiChat(): Protocol<ChatDelta>;
export { openaiChat };
export type { ChatChunk, ChatDelta };
