/// <reference types="node" />

/** What is said: a text, or bytes. */
export type Message = string | Uint8Array;

/** An application: what is done when a client comes, speaks, and goes. */
export interface Websocket<State = unknown> {
  /** Comes once for each endpoint, before its first client. An error here ends the program. */
  onStart?(endpoint: Endpoint<State>): unknown;
  /** A client asks to be let in; nothing has been answered yet. Throw a `Refusal` to turn it away. */
  onOpen?(client: Client<State>, request: Request): unknown;
  /** A client has said something. Its next message comes when what this has promised is there. */
  onData?(client: Client<State>, message: string | Buffer): unknown;
  /** A client has gone, perhaps while its `onOpen` or `onData` still waits for something. */
  onClose?(client: Client<State>, code: number, reason: string): unknown;
  /** Comes once for each endpoint, when the last client has gone and the program is about to end. */
  onStop?(endpoint: Endpoint<State>): unknown;
}

/** Serves clients for as long as the server wants it: one application for all endpoints, or one for each path. */
export function run(application: Websocket<any> | Record<string, Websocket<any>>): void;

/** How many got a broadcast. */
export interface Tally {
  delivered: number;
  gone: number;
  superseded: number;
  dropped: number;
}

export interface SendOptions {
  /** A later message with the same key takes the place of one that a slow client has not been sent yet. */
  key?: string;
}

export interface BroadcastOptions extends SendOptions {
  /** Only these clients; everybody if it is left out. */
  only?: Iterable<number>;
  /** Everybody but these clients. */
  except?: Iterable<number>;
  /** Only a group's members. */
  group?: string;
  /** On this node of a cluster alone. */
  local?: boolean;
}

/** What is known of a connection; times are seconds since 1970. */
export interface Stats {
  peer_addr: string | null;
  client_ip: string | null;
  connected_at: number;
  bytes_read: number;
  bytes_sent: number;
  frames_read: number;
  frames_sent: number;
  messages_read: number;
  messages_sent: number;
  last_read_at: number | null;
  last_send_at: number | null;
  last_data_read_at: number | null;
  last_data_send_at: number | null;
  pings_outstanding: number;
  round_trip: number | null;
  queued_bytes: number;
  dropped: number;
  superseded: number;
}

/** A path on which clients come to an application. */
export class Endpoint<State = unknown> {
  private constructor();
  readonly host: string | null;
  readonly path: string;
  /** Says something to all clients, or to some, and waits until it is on its way to each. */
  broadcast(message: Message, options?: BroadcastOptions): Promise<Tally>;
  /** The same, and waits for nobody. */
  broadcastNowait(message: Message, options?: BroadcastOptions): void;
  /** The ids of all clients. */
  clients(): Promise<number[]>;
  /** The ids of a group's members. */
  members(group: string): Promise<number[]>;
  /** A client by its id; commands say whether it is there. */
  client(id: number): Client<State>;
  /** Waits until the server has taken most of what it has been told: for who says much and waits for none of it. */
  drain(): Promise<void>;
}

/** A client of an endpoint. */
export class Client<State = unknown> {
  private constructor();
  readonly id: number;
  readonly endpoint: Endpoint<State>;
  readonly isGone: boolean;
  /** Aborted when the client has gone: for timers, streams and requests that end with it. */
  readonly signal: AbortSignal;
  /** Whatever the application wants to know of it. */
  state: State;
  /** Adds a header to the answer to the handshake; only before anything is said to the client. */
  header(name: string, value: string): void;
  /** Lets it in before `onOpen` has ended, so that broadcasts reach it, or with one of its subprotocols. */
  accept(subprotocol?: string): void;
  /**
   * Says something to the client, and waits until it is on its way; rejects with `ClientGone` if the client went first.
   * False if a later message with the same key has taken its place.
   */
  send(message: Message, options?: SendOptions): Promise<boolean>;
  /** The same, and waits for nobody. Nothing happens if the client has gone. */
  sendNowait(message: Message, options?: SendOptions): void;
  /** Closes the client, and waits until its `onClose` has run. */
  close(code?: number, reason?: string): Promise<void>;
  /** Closes the client, and waits for nothing. */
  closeNowait(code?: number, reason?: string): void;
  inspect(): Promise<Stats>;
  join(group: string): Promise<void>;
  joinNowait(group: string): void;
  leave(group: string): Promise<void>;
  leaveNowait(group: string): void;
}

/** The request that a client came with. */
export class Request {
  private constructor();
  readonly method: string;
  readonly uri: string;
  readonly path: string;
  readonly query: string;
  readonly version: string;
  readonly scheme: string;
  readonly host: string;
  readonly remoteAddr: string | null;
  readonly remotePort: number | null;
  readonly clientIp: string | null;
  readonly serverAddr: string | null;
  readonly serverPort: number | null;
  readonly subprotocols: string[];
  /** Pairs of a name in lower case and a value. */
  readonly headers: [string, string][];
  /** A header's value; those of several with one name are joined. */
  header(name: string): string | undefined;
  /** What stood for `{name}` in the path. */
  param(name: string): string | undefined;
  readonly searchParams: URLSearchParams;
  cookie(name: string): string | undefined;
}

/** The client went before all of the message was on its way. Nobody has to catch it. */
export class ClientGone extends Error {}

/** The server has refused a command, and says why. */
export class CommandRefused extends Error {}

/** Thrown in `onOpen`: the handshake is answered with a status from 400 to 599 instead of a websocket. */
export class Refusal extends Error {
  constructor(status: number, reason?: string, headers?: Record<string, string>);
  readonly status: number;
  readonly reason: string;
}
