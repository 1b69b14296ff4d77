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
type Refusal = "fenced" | "closed" | "gap" | "gone" | "overloaded";
type Appended = {
    readonly position: number;
    readonly epoch: string;
} | {
    readonly refused: Refusal;
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
interface RedisClient {
    sendCommand(args: string[], options?: {
        abortSignal?: AbortSignal;
    }): Promise<unknown>;
    duplicate(): RedisSubscriber;
}
interface RedisSubscriber {
    connect(): Promise<unknown>;
    subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
    unsubscribe(channel: string): Promise<unknown>;
    on(event: "ready", listener: () => void): unknown;
    on(event: "error", listener: (error: Error) => void): unknown;
    destroy(): unknown;
}
interface RedisLogOptions {
    readonly prefix?: string;
    readonly timeout?: number;
    readonly idle?: number;
    readonly maxRuns?: number;
    readonly onError?: (error: Error) => void;
    readonly now?: () => number;
}
declare const redisLog: (client: RedisClient, options?: RedisLogOptions) => EventLog;
export { redisLog };
export type { RedisClient, RedisLogOptions, RedisSubscriber };
