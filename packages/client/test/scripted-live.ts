import type { Change } from "@stockwire/core/changes/change";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import type { ClientFrame, ServerFrame } from "@stockwire/core/live/protocol";

/**
 * The Live API over a log in memory, with products only. What it tells is right; what reaches a
 * connection is for the script to say.
 */

export interface Product {
  id: string;
  version: number;
  category: string;
}

/** One connection as the server sees it. */
export interface Peer {
  url: string;
  protocols: string[];
  topics: Map<string, string>;
  /** What the client has sent. */
  received: ClientFrame[];
  send: (frame: ServerFrame) => void;
  drop: (code?: number) => void;
}

type Reply = Extract<ServerFrame, { replyTo?: string | undefined }>;

export class ScriptedLive {
  readonly log: Change[] = [];
  readonly products = new Map<string, Product>();
  readonly peers: Peer[] = [];
  readonly open = new Set<Peer>();
  /** Which frames a change becomes on its way to a connection: none, itself, two, … */
  deliver = (_peer: Peer, frame: ServerFrame): ServerFrame[] => [frame];
  /** Answers a frame in the script's own way; true if it did. */
  intercept = (_peer: Peer, _frame: ClientFrame): boolean => false;
  /** Waits between `subscribed` and what follows. */
  replaying: () => Promise<void> | undefined = () => undefined;
  /** Cursors up to this number are no longer kept. */
  expired = 0;
  /** Whether the same position always has the same cursor. */
  stable = true;
  /** Of the connection's token. */
  authExpiresAt: string | null = null;
  #count = 0;

  cursor(seq = this.log.length): string {
    return `at-${seq}${this.stable ? "" : `-${++this.#count}`}`;
  }

  /** Creates, changes or deletes a product, and tells who listens. */
  write(id: string, category: string | undefined): Change {
    const change = this.append(id, category);
    this.tell(change);
    return change;
  }

  append(id: string, category: string | undefined): Change {
    const old = this.products.get(id);
    const version = (old ?? this.#last(id)).version + 1;
    const data = category === undefined ? undefined : { id, version, category };
    if (data) this.products.set(id, data);
    else this.products.delete(id);
    const seq = this.log.length + 1;
    const change: Change = {
      feed: "products",
      seq,
      cursor: this.cursor(seq),
      op: data ? (old ? "update" : "create") : "delete",
      id,
      version,
      at: "2026-11-21T00:43:40.123Z",
      actor: "ana",
      requestId: "request-1",
      changed: old && data ? ["category"] : [],
      ...(old && { before: data ? { category: old.category } : { ...old } }),
      ...(data && { data: { ...data } }),
    };
    this.log.push(change);
    return change;
  }

  #last = (id: string): { version: number } =>
    this.log.findLast((change) => change.id === id) ?? { version: 0 };

  /** Delivers a change to all who listen. */
  tell(change: Change): void {
    for (const peer of this.open) {
      const own = told(change, [...peer.topics.keys()]);
      if (own === undefined) continue;
      const frame: ServerFrame = { type: "events", events: [own], cursor: own.cursor };
      for (const each of this.deliver(peer, frame)) peer.send(each);
    }
  }

  /** Takes a new connection. */
  connect(peer: Peer): void {
    this.peers.push(peer);
    this.open.add(peer);
  }

  /** Does what a client's frame asks for. */
  async receive(peer: Peer, frame: ClientFrame): Promise<void> {
    peer.received.push(frame);
    if (this.intercept(peer, frame)) return;
    const { id } = frame;
    const reply = (answer: Reply) =>
      peer.send({ ...answer, ...(id !== undefined && { replyTo: id }) });
    switch (frame.action) {
      case "hello":
        reply({ ...WELCOME, authExpiresAt: this.authExpiresAt });
        return;
      case "subscribe":
        await this.#subscribe(peer, frame.topics, frame.since, reply);
        return;
      case "unsubscribe":
        for (const topic of frame.topics) peer.topics.delete(topic);
        reply({ type: "unsubscribed", topics: frame.topics });
        return;
      case "ping":
        reply({ type: "pong", heads: peer.topics.size > 0 ? { products: this.cursor() } : {} });
        return;
      case "join":
        reply({ type: "joined", channel: frame.channel });
        return;
      case "leave":
        reply({ type: "left", channel: frame.channel });
        return;
      case "auth":
        reply({ type: "ack", authExpiresAt: this.authExpiresAt });
        return;
      case "message": {
        const { channel, message } = frame;
        const said = { type: "message", from: "c", sub: "ana", channel, message, at: AT } as const;
        for (const each of this.open) each.send(said);
      }
    }
  }

  async #subscribe(
    peer: Peer,
    topics: string[],
    since: string | undefined,
    reply: (frame: Reply) => void,
  ): Promise<void> {
    for (const topic of topics) peer.topics.set(topic, topic);
    const head = this.log.length;
    const from = since === undefined ? head : Number(/^at-(\d+)/.exec(since)?.[1]);
    const kept = since === undefined || from >= this.expired;
    reply({ type: "subscribed", topics, cursor: this.cursor(kept ? from : head) });
    if (!kept)
      reply({ type: "reset", topics, reason: "cursor_expired", cursor: this.cursor(head) });
    if (since === undefined) return;
    await this.replaying();
    const missed = kept ? this.log.slice(from, head) : [];
    const events = missed.flatMap((change) => told(change, topics) ?? []);
    for (let at = 0; at < events.length; at += 100) {
      const part = events.slice(at, at + 100);
      peer.send({ type: "events", events: part, cursor: this.cursor(head) });
    }
    reply({ type: "caught_up", cursor: this.cursor(head) });
  }
}

const AT = "2026-11-21T00:43:40.123Z";
const WELCOME: Extract<ServerFrame, { type: "welcome" }> = {
  type: "welcome",
  connectionId: "c",
  sub: "ana",
  scopes: ["read:products"],
  authExpiresAt: null,
  limits: {
    topics: 100,
    frameBytes: 32_768,
    messageBytes: 131_072,
    idleSeconds: 600,
    connectionSeconds: 7200,
  },
};

/** A change as it is to some topics, as the server's `opFor` says. */
function told(change: Change, topics: readonly string[]): Change | undefined {
  if (topics.includes("products") || topics.includes(`products/${change.id}`)) return change;
  const listens = (category: unknown) =>
    typeof category === "string" && topics.includes(`products?category=${category}`);
  const was = listens(change.before?.["category"]);
  const is = listens(change.data?.["category"]);
  if (was && is) return change;
  if (is) return change.op === "create" ? change : { ...change, op: "enter" };
  if (was) return change.op === "delete" ? change : { ...change, op: "leave" };
  return undefined;
}

const PROBE = "/probe";

/** The script behind a real server. `refuse` answers a handshake with a status. */
export async function serveLive(live: ScriptedLive) {
  const server = createServer();
  let refuse: () => number | undefined = () => undefined;
  let events = 0; // of any client, but for probes
  const sockets = new WebSocketServer({
    server,
    handleProtocols: () => "stockwire.v1",
    verifyClient: ({ req }: { req: IncomingMessage }, answer) => {
      if (req.url === PROBE) return answer(true);
      events++;
      const status = refuse();
      answer(status === undefined, status);
    },
  });
  sockets.on("connection", (ws, request) => {
    if (request.url === PROBE) return;
    const peer: Peer = {
      url: request.url ?? "",
      protocols: (request.headers["sec-websocket-protocol"] ?? "").split(/,\s*/),
      topics: new Map(),
      received: [],
      send: (frame) => ws.send(JSON.stringify(frame)),
      drop: (code) => (code === undefined ? ws.terminate() : ws.close(code)),
    };
    live.connect(peer);
    ws.on("message", (data: Buffer) => {
      events++;
      void live.receive(peer, JSON.parse(data.toString()) as ClientFrame);
    });
    ws.on("close", () => {
      events++;
      live.open.delete(peer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;

  /** Whatever was on its way to or from a client, or shook hands, has arrived. */
  async function roundTrip(): Promise<void> {
    const probe = new WebSocket(origin + PROBE, ["stockwire.v1"]);
    await once(probe, "open");
    const open = [...sockets.clients].filter((ws) => ws.readyState === ws.OPEN);
    await Promise.all(
      open.map((ws) => {
        ws.ping();
        return Promise.race([once(ws, "pong"), once(ws, "close")]);
      }),
    );
    probe.terminate();
  }

  return {
    url: `${origin}/live`,
    /** Resolves once nothing comes of anything any more. */
    async settled(): Promise<void> {
      for (let quiet = 0; quiet < 2;) {
        const before = events;
        await roundTrip();
        quiet = events === before ? quiet + 1 : 0;
      }
    },
    refuse: (by: typeof refuse) => (refuse = by),
    close: async () => {
      for (const ws of sockets.clients) ws.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Listener = (event: { data?: unknown; code?: number; reason?: string }) => void;

/** The script without a network: WebSockets whose frames arrive in a later turn, in order. */
export const inMemory = (live: ScriptedLive, later: (run: () => void) => void) =>
  class {
    readonly #listeners = new Map<string, Listener[]>();
    readonly #peer: Peer;
    #closed = false;

    constructor(url: string, protocols: string[]) {
      this.#peer = {
        url,
        protocols,
        topics: new Map(),
        received: [],
        send: (frame) => later(() => this.#emit("message", { data: JSON.stringify(frame) })),
        drop: (code = 1006) => this.#end(code),
      };
      later(() => {
        if (this.#closed) return;
        live.connect(this.#peer);
        this.#emit("open", {});
      });
    }

    addEventListener(type: string, listener: Listener): void {
      this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    }

    send(data: string): void {
      later(() => {
        if (!this.#closed) void live.receive(this.#peer, JSON.parse(data) as ClientFrame);
      });
    }

    close(code = 1000): void {
      this.#end(code);
    }

    #end(code: number): void {
      if (this.#closed) return;
      this.#closed = true;
      live.open.delete(this.#peer);
      later(() => {
        for (const listener of this.#listeners.get("close") ?? []) listener({ code, reason: "" });
      });
    }

    #emit(type: string, event: Parameters<Listener>[0]): void {
      if (this.#closed) return;
      for (const listener of this.#listeners.get(type) ?? []) listener(event);
    }
  };
