import { HttpHandler } from "msw";
interface Usage {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly reasoningTokens?: number;
    readonly cachedTokens?: number;
    readonly raw: unknown;
}
type FinishReason = "stop" | "length" | "tool-calls" | "content-filter" | "paused" | "error" | "cancelled";
interface Clock {
    now(): number;
    date(): number;
    after(ms: number, callback: () => void, purpose?: "awaited" | "housekeeping"): () => void;
}
type Permission = "feed" | "run" | "broadcast";
interface Identity {
    readonly subject: string;
    readonly permissions?: readonly Permission[] | undefined;
    readonly expiresAt?: number | undefined;
}
interface Authenticator {
    authenticate(request: Request): Identity | Promise<Identity>;
    issue?: (tokenOptions: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>;
}
type DialectName = "openai-chat" | "openai-responses" | "anthropic" | "gemini" | "ai-sdk" | "ag-ui";
interface ExtraEvent {
    readonly after: number;
    readonly type: string;
    readonly data: unknown;
}
interface Rule {
    readonly path?: string;
    readonly method?: string;
    readonly connection?: "first" | "resumed";
    readonly skip?: number;
    readonly times?: number;
    readonly once?: boolean;
    readonly hang?: boolean;
    readonly refuse?: boolean;
    readonly "lose-answer"?: boolean;
    readonly "head-delay"?: number;
    readonly status?: number;
    readonly "retry-after"?: number | string;
    readonly location?: string;
    readonly "content-type"?: string;
    readonly "endless-body"?: boolean;
    readonly encoding?: "gzip" | "br" | "identity";
    readonly delay?: number;
    readonly tokens?: boolean;
    readonly events?: readonly ExtraEvent[];
    readonly "error-after"?: number;
    readonly "error-code"?: string;
    readonly "error-retryable"?: boolean;
    readonly "finish-reason"?: "stop" | "length";
    readonly "reset-after"?: number;
    readonly "truncate-after"?: number;
    readonly "end-after"?: number;
    readonly "stall-after"?: number;
    readonly "quiet-after"?: number;
    readonly "cut-at"?: "middle" | "boundary" | "character" | "last-byte";
    readonly "short-length"?: boolean;
    readonly duplicate?: number;
    readonly reorder?: number;
    readonly "drop-index"?: number;
    readonly "invalid-data"?: number;
    readonly insert?: string;
    readonly "insert-after"?: number;
    readonly "no-ids"?: boolean;
    readonly "id-prefix"?: string;
    readonly overlap?: number;
    readonly gap?: "expired" | "unknown";
    readonly retry?: number | string;
    readonly flood?: "line" | "lines";
    readonly "flood-after"?: number;
    readonly "flood-bytes"?: number;
    readonly newline?: "lf" | "crlf" | "cr";
    readonly bom?: number;
    readonly heartbeat?: number | "off";
    readonly split?: number;
    readonly "split-delay"?: number;
    readonly buffer?: number;
}
interface Traffic {
    readonly kind: "feed" | "run" | "channel" | "other";
    readonly path: string;
    readonly encoding: "identity" | "gzip" | "br";
    readonly bytes: number;
    readonly sent: number;
    readonly buffered: number;
    readonly streams: number;
}
interface FeedEvent {
    readonly type?: string;
    readonly data: unknown;
}
interface Client {
    readonly id: string;
    readonly path: string;
    readonly subject: string;
    readonly lastEventId?: string;
    readonly connection: Traffic;
}
interface Feed {
    readonly path: string;
    readonly clients: readonly Client[];
    readonly lastEventId: string;
    readonly keptEvents: number;
    send(event: FeedEvent): string;
    drop(): void;
    clearHistory(): void;
    readonly state: "open" | "closed";
    close(): void;
}
type AnswerBlock = {
    readonly text: string;
} | {
    readonly reasoning: string;
} | {
    readonly refusal: string;
} | {
    readonly tool: string;
    readonly input?: unknown;
    readonly id?: string;
    readonly output?: unknown;
};
type Answer = string | readonly AnswerBlock[];
type AnswerUsage = Partial<Omit<Usage, "raw">>;
interface Run {
    readonly id: string;
    readonly prompt: string;
    readonly state: "running" | "finished";
    readonly readers: number;
    readonly head: number;
    readonly text: string;
}
type Scenario = string | Rule | readonly Rule[] | {
    readonly $schema?: string;
    readonly rules: readonly Rule[];
};
interface RestartOptions {
    readonly downtime?: number;
    readonly log?: "keep" | "lose";
}
type CannedAnswers = Readonly<Record<string, string>> | readonly string[];
interface ServiceOptions {
    readonly heartbeat?: number;
    readonly history?: number;
    readonly retention?: number;
    readonly abandon?: number;
    readonly maxRuns?: number;
    readonly delay?: number;
    readonly unit?: "character" | "token";
    readonly answers?: CannedAnswers;
    readonly seed?: number;
    readonly scenario?: Scenario;
    readonly cors?: string | readonly string[];
    readonly authenticator?: Authenticator;
    readonly bodyLimit?: number;
    readonly clock?: Clock;
    readonly onRequest?: (request: Request, via: "connection" | "channel") => void;
    readonly onRestart?: (options: RestartOptions) => void;
}
type MockOptions = Omit<ServiceOptions, "onRestart" | "cors">;
interface MockRun {
    readonly text?: string | ((prompt: string) => string);
    readonly answer?: Answer | ((prompt: string) => Answer);
    readonly finish?: FinishReason;
    readonly usage?: AnswerUsage;
    readonly dialect?: DialectName;
    readonly fault?: Scenario;
}
interface MockReplay {
    readonly delay?: number;
    readonly fault?: Scenario;
}
interface Mock {
    readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
    readonly requests: readonly Request[];
    readonly runs: readonly Run[];
    run(path: string, run?: MockRun): void;
    replay(path: string, text: string, options?: MockReplay): void;
    feed(path?: string): Feed;
    setScenario(scenario: Scenario): void;
    has(path: string): boolean;
    close(): void;
}
interface MswMock extends Mock {
    handlers(): HttpHandler[];
}
declare function handlers(mock: Mock, { origin }?: {
    readonly origin?: string;
}): HttpHandler[];
declare function createMock(options?: MockOptions): MswMock;
export { createMock, handlers };
export type { Mock, MockOptions, MockRun, MswMock };
