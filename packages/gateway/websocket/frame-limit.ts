/**
 * API Gateway closes a connection at the header of a binary frame (1003) and of a frame above 32 KB
 * (1009). `ws` has a limit for whole messages only, so this stream reads the frame headers between the
 * client's socket and `ws`. Nothing from a refused header on ever reaches `ws`.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */

import { Socket } from "node:net";
import { Duplex } from "node:stream";

/** The close code for a frame that API Gateway refuses: binary, or too large. */
export type FrameViolation = 1003 | 1009;

/**
 * The socket of a client without the frames that are refused. `ws` accepts any Duplex as its socket:
 * https://github.com/websockets/ws/blob/8.23.0/doc/ws.md#serverhandleupgraderequest-socket-head-callback
 */
export class LimitedSocket extends Duplex {
  readonly #socket: Duplex;
  readonly #scan: (chunk: Buffer) => Scan;
  readonly #onViolation: (code: FrameViolation) => void;
  #started = false;
  #violated = false;

  /**
   * `head` are the bytes that Node read after the upgrade request. `onViolation` is called at most
   * once, after everything before the refused frame was handed on; it must close the WebSocket.
   */
  constructor(
    socket: Duplex,
    head: Buffer,
    limit: number,
    onViolation: (code: FrameViolation) => void,
  ) {
    // The client must be able to read the close frame, so only the end of its own socket, or `ws`,
    // destroys this stream.
    super({ autoDestroy: false });
    this.#socket = socket;
    this.#scan = createFrameScanner(limit);
    this.#onViolation = onViolation;
    if (head.length > 0) socket.unshift(head);
    // `ws` does this only for a socket that has these methods.
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay();
    socket.on("end", () => this.push(null));
    socket.on("close", () => {
      // A paused socket can close with data that was received but not read yet.
      const rest: unknown = socket.read();
      if (Buffer.isBuffer(rest)) this.#receive(rest);
      this.destroy();
    });
  }

  #receive(chunk: Buffer): void {
    // Discard the rest, so that the client can finish sending and read the close frame.
    if (this.#violated) return;
    const { allowed, violation } = this.#scan(chunk);
    if (allowed > 0) this.push(chunk.subarray(0, allowed));
    if (violation === undefined) return;
    this.#violated = true;
    this.#onViolation(violation);
    this.end();
    this.#socket.resume();
  }

  /** Starts with the first read: only then does `push` hand a chunk on before it returns. */
  override _read(): void {
    if (this.#started) return;
    this.#started = true;
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.resume();
  }

  // Pausing the client's socket too keeps all unread data there. Nothing is buffered in between, so a
  // violation never overtakes the messages before it.
  override pause(): this {
    if (!this.#violated) this.#socket.pause();
    return super.pause();
  }

  override resume(): this {
    super.resume();
    if (this.#started) this.#socket.resume();
    return this;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  /**
   * Writes header and payload of a frame of `ws` in one go, because the gateway writes its own frames
   * directly to the socket: none may get in between.
   */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

/** How many bytes of a chunk may pass, and why the next one may not. */
interface Scan {
  allowed: number;
  violation?: FrameViolation;
}

const BINARY = 2;
const CLOSE = 8;

/**
 * Follows the frames of a client through chunks of any size. It judges only frames that the protocol
 * allows; at the first one that it does not allow it stops and leaves the error to `ws`.
 */
export function createFrameScanner(limit: number): (chunk: Buffer) => Scan {
  const header = Buffer.alloc(10); // without the masking key
  let size = 0; // bytes of the header so far
  let rest = 0; // bytes of masking key and payload that are still to come
  let fragmented = false; // inside a message of several frames
  let stopped = false;

  return (chunk) => {
    let at = 0;
    while (at < chunk.length && !stopped) {
      if (rest > 0) {
        const skipped = Math.min(rest, chunk.length - at);
        rest -= skipped;
        at += skipped;
        continue;
      }
      header[size++] = chunk[at++] ?? 0;
      if (size < 2 || size < headerSize(header)) continue;
      const [first = 0, second = 0] = header;
      const opcode = first & 0x0f;
      const isData = opcode < CLOSE;
      const isAllowed =
        (first & 0x70) === 0 && second >= 0x80 && (!isData || (opcode === 0) === fragmented);
      if (!isAllowed || opcode === CLOSE) stopped = true;
      else {
        const length = payloadLength(header);
        const violation = opcode === BINARY ? 1003 : isData && length > limit ? 1009 : undefined;
        if (violation !== undefined) return { allowed: Math.max(0, at - size), violation };
        if (isData) fragmented = first < 0x80;
        rest = 4 + length;
        size = 0;
      }
    }
    return { allowed: chunk.length };
  };
}

function headerSize(header: Buffer): number {
  const short = (header[1] ?? 0) & 0x7f;
  return short === 126 ? 4 : short === 127 ? 10 : 2;
}

function payloadLength(header: Buffer): number {
  const short = (header[1] ?? 0) & 0x7f;
  if (short === 126) return header.readUInt16BE(2);
  return short === 127 ? Number(header.readBigUInt64BE(2)) : short;
}
