import { IncomingMessage, ServerResponse } from "node:http";
import { Http2ServerRequest, Http2ServerResponse } from "node:http2";
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
interface Usage {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly reasoningTokens?: number;
    readonly cachedTokens?: number;
    readonly raw: unknown;
}
type FinishReason = "stop" | "length" | "tool-calls" | "content-filter" | "paused" | "error" | "cancelled";
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
declare function unauthorized(scheme: "Bearer" | "ApiKey", detail: string, error?: "invalid_token"): HttpError;
declare function apiKeys(subjects: Readonly<Record<string, string>>): Authenticator;
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
type CutKind = "reset" | "fin";
interface Chunk {
    readonly bytes: Uint8Array;
    readonly cut?: CutKind;
}
interface StreamBody {
    readonly chunks: AsyncGenerator<Chunk, void, undefined>;
    readonly connectionCut?: AbortSignal;
    endReason?(): "ended" | "expired";
}
interface HttpResponse {
    readonly status: number;
    readonly headers: Headers;
    readonly body?: string | StreamBody;
    readonly encoding?: "gzip" | "br" | "identity";
}
interface DroppedConnection {
    readonly cut: CutKind;
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
type MutableTraffic = {
    -readonly [Name in keyof Traffic]: Traffic[Name];
};
interface RequestContext {
    readonly signal: AbortSignal;
    readonly basePath?: string;
    readonly peer?: "loopback" | "remote";
    readonly channelIdentity?: Identity;
    readonly traffic?: MutableTraffic;
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
interface AnswerPlan {
    readonly answer: Answer;
    readonly finish?: FinishReason | undefined;
    readonly usage?: AnswerUsage | undefined;
}
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
declare function parseScenario(scenario: unknown): readonly Rule[];
interface RuleState {
    readonly rule: Rule;
    readonly matched: number;
}
interface RestartOptions {
    readonly downtime?: number;
    readonly log?: "keep" | "lose";
}
type CannedAnswers = Readonly<Record<string, string>> | readonly string[];
type GenerateAnswer = (prompt: string) => Answer | AnswerPlan;
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
interface Service {
    handle(request: Request, context: RequestContext): Promise<HttpResponse | DroppedConnection>;
    has(path: string): boolean;
    feed(path?: string): Feed;
    readonly generateAnswer: GenerateAnswer;
    addRunEndpoint(path: string, generateAnswer?: GenerateAnswer, rules?: readonly Rule[]): void;
    addDialectEndpoint(name: DialectName, path: string, generateAnswer?: GenerateAnswer, rules?: readonly Rule[]): void;
    addReplay(path: string, text: string, options?: {
        readonly delay?: number;
        readonly rules?: readonly Rule[];
    }): void;
    readonly runs: readonly Run[];
    readonly rules: readonly RuleState[];
    setScenario(scenario: Scenario): void;
    broadcast(event: FeedEvent): string;
    drop(): void;
    clearHistory(): void;
    close(): void;
}
declare function createService(options?: ServiceOptions): Service;
type JsonSchema = Readonly<Record<string, unknown>>;
declare const scenarioSchema: JsonSchema;
interface JwtOptions {
    readonly secret?: string | Uint8Array;
    readonly expiresIn?: number;
}
declare function jwt(options: JwtOptions, clock: Clock): Authenticator & Required<Pick<Authenticator, "issue">>;
type AuthOptions = "none" | "jwt" | "apikey" | {
    readonly jwt?: JwtOptions;
    readonly apiKeys?: Readonly<Record<string, string>>;
};
declare const MOCK_API_KEY = "mock-key";
interface NodeHandlerOptions {
    readonly compress?: boolean;
    readonly drainTimeout?: number;
    readonly clock?: Clock;
}
interface FastifyLikeRequest {
    readonly raw: IncomingMessage;
    readonly body?: unknown;
}
interface FastifyLikeReply {
    readonly raw: ServerResponse;
    hijack(): unknown;
}
interface NodeHandler {
    (request: IncomingMessage, response: ServerResponse, next?: () => void): void;
    (request: FastifyLikeRequest, reply: FastifyLikeReply): void;
    (request: Http2ServerRequest, response: Http2ServerResponse): void;
    readonly connections: readonly Traffic[];
    sendProblem(response: ServerResponse, status: number, detail: string): void;
    close(): void;
}
declare function createNodeHandler(service: Service, options?: NodeHandlerOptions): NodeHandler;
type StaticFolders = Readonly<Record<string, string>>;
interface MockServerOptions extends Omit<ServiceOptions, "onRestart" | "authenticator">, NodeHandlerOptions {
    readonly port?: number;
    readonly host?: string;
    readonly maxConnections?: number;
    readonly headersTimeout?: number;
    readonly auth?: AuthOptions;
    readonly tick?: number;
    readonly folders?: StaticFolders;
    readonly fallback?: (request: IncomingMessage, response: ServerResponse) => void;
}
interface TokenOptions {
    readonly subject?: string;
    readonly expiresIn?: number;
    readonly permissions?: readonly Permission[];
}
interface MockServer {
    readonly url: string;
    readonly port: number;
    readonly clients: readonly Client[];
    readonly runs: readonly Run[];
    readonly connections: readonly Traffic[];
    readonly sockets: number;
    readonly service: Service;
    broadcast(event: FeedEvent): string;
    issueToken(tokenOptions?: TokenOptions): Promise<string>;
    setScenario(scenario: Scenario): void;
    kill(): Promise<void>;
    restart(options?: RestartOptions): Promise<void>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}
declare function startMockServer(options?: MockServerOptions): Promise<MockServer>;
export { MOCK_API_KEY, apiKeys, createNodeHandler, createService, jwt, parseScenario, scenarioSchema, startMockServer, unauthorized };
export type { Answer, AnswerBlock, AnswerPlan, AnswerUsage, AuthOptions, Authenticator, CannedAnswers, Client, Clock, DialectName, DroppedConnection, ExtraEvent, Feed, FeedEvent, GenerateAnswer, HttpResponse, Identity, JwtOptions, MockServer, MockServerOptions, NodeHandler, NodeHandlerOptions, Permission, RequestContext, RestartOptions, Rule, Run, Scenario, Service, ServiceOptions, TokenOptions, Traffic };
