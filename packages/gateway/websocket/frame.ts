/**
 * The text frames that the gateway sends (RFC 6455, section 5.2). `ws` would write header and payload
 * as two buffers for each connection; here a broadcast writes the same one buffer to all of them.
 */

import { isUtf8 } from "node:buffer";

/** A whole text message as one frame that is neither masked nor compressed. */
export function textFrame(payload: Buffer): Buffer {
  const { length } = payload;
  const offset = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(offset + length);
  frame[0] = 0x81; // FIN and the opcode of text
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
 * Bytes that can be sent as text. A client must end its connection when text is not UTF-8 (RFC 6455,
 * section 8.1), so bytes that are not become U+FFFD.
 */
const validText = (data: Buffer): Buffer =>
  isUtf8(data) ? data : Buffer.from(data.toString("utf8"));

/**
 * Creates a `textFrame` that repairs text which is not UTF-8, and that returns the previous frame again
 * if the payload is equal: a broadcast sends equal payloads one after another, and comparing bytes is
 * cheaper than copying them.
 */
export function createFramer(): (payload: Buffer) => Buffer {
  let frame = textFrame(Buffer.alloc(0));
  let length = 0;
  return (payload) => {
    const same = payload.length === length && payload.compare(frame, frame.length - length) === 0;
    if (!same) {
      const text = validText(payload);
      frame = textFrame(text);
      ({ length } = text);
    }
    return frame;
  };
}
