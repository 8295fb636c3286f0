import type { WebSocket } from "ws";

/** A whole text message as one frame, header and payload together (RFC 6455, 5.2). */
export function textFrame(payload: Buffer): Buffer {
  const { length } = payload;
  const offset = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(offset + length);
  frame[0] = 0x81;
  if (offset === 2) frame[1] = length;
  else if (offset === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(payload, offset);
  return frame;
}

/**
 * Makes text frames. In a broadcast the same bytes go to one connection after the other; for those the
 * frame before is used again, since comparing is cheaper than copying into new memory.
 */
export function createFramer(): (payload: Buffer) => Buffer {
  let frame = textFrame(Buffer.alloc(0));
  let length = 0;
  return (payload) => {
    const same = payload.length === length && payload.compare(frame, frame.length - length) === 0;
    if (!same) {
      frame = textFrame(payload);
      ({ length } = payload);
    }
    return frame;
  };
}

/** The part of ws's receiver that decides on a frame once its header has been read. */
interface Receiver {
  _opcode: number;
  _payloadLength: number;
  haveLength(done: (error: Error) => void): void;
  createError(
    type: ErrorConstructor,
    message: string,
    prefix: boolean,
    statusCode: number,
    code: string,
  ): Error;
}

const BINARY = 2;
const FIRST_CONTROL = 8;

/**
 * Ends a connection at the header of a binary frame, with 1003, or of a data frame over `limit`, with
 * 1009. ws itself only counts whole messages. Throws if this ws has no such place to look.
 */
export function guardFrames(ws: WebSocket, limit: number): void {
  const { _receiver: receiver } = ws as unknown as { _receiver?: Partial<Receiver> };
  if (!isReceiver(receiver)) throw new Error("this version of ws cannot be guarded");
  const haveLength = receiver.haveLength.bind(receiver);
  receiver.haveLength = (done) => {
    const { _opcode: opcode, _payloadLength: length } = receiver;
    if (opcode === BINARY) {
      return done(receiver.createError(Error, "binary", false, 1003, FRAME_ERRORS.binary));
    }
    if (opcode < FIRST_CONTROL && length > limit) {
      return done(receiver.createError(Error, "frame too large", false, 1009, FRAME_ERRORS.size));
    }
    haveLength(done);
  };
}

const FRAME_ERRORS = { binary: "BINARY_FRAME", size: "FRAME_TOO_LARGE" } as const;

const STATUS_CODES: ReadonlyMap<string, number> = new Map([
  [FRAME_ERRORS.binary, 1003],
  [FRAME_ERRORS.size, 1009],
  ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009],
  ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", 1009],
  ["WS_ERR_INVALID_UTF8", 1007],
  ["WS_ERR_TOO_MANY_BUFFERED_PARTS", 1008],
]);

/** The status with which ws closes a connection after an error of the receiver. */
export function closeCodeOf(error: NodeJS.ErrnoException): number {
  return STATUS_CODES.get(error.code ?? "") ?? 1002;
}

function isReceiver(receiver: Partial<Receiver> | undefined): receiver is Receiver {
  return (
    typeof receiver?.haveLength === "function" &&
    typeof receiver.createError === "function" &&
    Object.hasOwn(receiver, "_opcode") &&
    Object.hasOwn(receiver, "_payloadLength")
  );
}
