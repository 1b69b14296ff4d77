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
    credentialHeaders: string[];
    withheldFrom?: string | undefined;
    canRefresh?: boolean | undefined;
    body?: string | Uint8Array<ArrayBuffer> | undefined;
    lastEventId?: string | undefined;
    scope?: string | undefined;
    init?: RequestInit | undefined;
    maxEventSize: number;
    wantsComments?: boolean | undefined;
    signal: AbortSignal;
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
type Connect = (request: ConnectRequest) => Promise<Connection>;
type FetchEventSource = (input: string, init: {
    signal: AbortSignal;
    openWhenHidden: boolean;
    fetch(input: unknown, init?: {
        signal?: AbortSignal | null;
    }): Promise<Response>;
    onopen(): Promise<void>;
    onmessage(message: {
        id: string;
        event: string;
        data: string;
        retry?: number;
    }): void;
    onerror(error: unknown): never;
}) => Promise<void>;
declare function fetchEventSourceConnect(fetchEventSource: FetchEventSource, fetch?: typeof globalThis.fetch): Connect;
declare const EventStreamContentType = "text/event-stream";
interface EventSourceMessage {
    id: string;
    event: string;
    data: string;
    retry?: number;
}
interface FetchEventSourceInit extends RequestInit {
    headers?: Record<string, string>;
    onopen?: (response: Response) => Promise<void>;
    onmessage?: (ev: EventSourceMessage) => void;
    onclose?: () => void;
    onerror?: (err: any) => number | null | undefined | void;
    openWhenHidden?: boolean;
    fetch?: typeof fetch;
}
declare function fetchEventSource(input: RequestInfo, { signal, headers, onopen, onmessage, onclose, onerror, openWhenHidden, fetch, ...rest }: FetchEventSourceInit): Promise<void>;
export { EventStreamContentType, fetchEventSource, fetchEventSourceConnect };
export type { Connect, EventSourceMessage, FetchEventSource, FetchEventSourceInit };
