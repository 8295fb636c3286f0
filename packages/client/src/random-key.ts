/**
 * Random bytes as text, by default 128 bits. `crypto.randomUUID` is missing in pages that are not loaded
 * by HTTPS.
 */
export const randomKey = (bytes = 16): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
