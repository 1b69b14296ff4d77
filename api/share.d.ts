interface Clock {
    now(): number;
    after(ms: number, callback: () => void): () => void;
}
interface Block {
    type: string;
    data: string | undefined;
    id: string | undefined;
}
interface ConnectRequest {
    url: string;
    method: string;
    headers: [
        name: string,
        value: string
    ][];
    credentials: string[];
    body?: string | Uint8Array<ArrayBuffer> | undefined;
    lastEventId?: string | undefined;
    scope?: string | undefined;
    init?: RequestInit | undefined;
    maxEventSize: number;
    signal: AbortSignal;
}
interface Batch {
    blocks: Block[];
    bytes: number;
    retry?: number | undefined;
}
interface Connection {
    status: number;
    url: string;
    headers: Headers;
    read(): Promise<Batch | null>;
    problem(maxBytes: number): Promise<string>;
    cancel(): void;
}
type Connect = (request: ConnectRequest) => Promise<Connection>;
interface Answer {
    status: number;
    url: string;
    headers: [
        name: string,
        value: string
    ][];
}
type Call = {
    type: "join";
    from: string;
    cursor: string;
    open: boolean;
} | {
    type: "ack";
    from: string;
    bytes: number;
} | {
    type: "leave";
    from: string;
} | {
    type: "ping";
};
type Notice = {
    epoch: number;
} & ({
    type: "lead";
    sequence: number;
} | {
    type: "welcome";
    to: string;
    cursor: string;
    base: string | undefined;
    sequence: number;
    answer: Answer;
    blocks: Block[];
} | {
    type: "miss";
    to: string;
} | {
    type: "batch";
    sequence: number;
    batch: Batch;
} | {
    type: "end";
    how: "clean" | "broken";
} | {
    type: "end";
    how: "refused";
    answer: Answer;
    problem: string;
});
type Message = Call | Notice;
interface Channel {
    addEventListener(type: "message", listener: (event: {
        readonly data: Message;
    }) => void): void;
    postMessage(message: Message): void;
    close(): void;
}
type ShareRole = "leading" | "following" | "apart";
interface ShareState {
    readonly url: string;
    readonly scope: string | undefined;
    readonly role: ShareRole | "gone";
}
interface ShareOptions {
    name: string;
    connect?: Connect;
    onChange?(state: ShareState): void;
    onFallback?(reason: unknown): void;
    locks?: Pick<LockManager, "request">;
    openChannel?(name: string): ShareChannel;
    clock?: Clock;
}
type ShareChannel = Channel;
declare function shareAcrossTabs({ name, connect, onChange, onFallback, locks, openChannel, clock, }: ShareOptions): Connect;
export { shareAcrossTabs };
export type { Clock, Connect, ShareChannel, ShareOptions, ShareRole, ShareState };
