type Delta = {
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
interface ArgumentsParser {
    push(text: string): unknown;
    create(): ArgumentsParser;
}
interface MessageOptions {
    partialJson?: ArgumentsParser | undefined;
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
interface AiSdkOptions extends MessageOptions {
    resumeUrl?: string | undefined;
}
declare function aiSdk({ resumeUrl, ...options }?: AiSdkOptions): Protocol<Delta, unknown, Message>;
export { aiSdk };
export type { AiSdkOptions, ArgumentsParser, Block, Delta, Message, MessageOptions, TextBlock, ToolCall, Usage };
