/** 128 random bits as text. `crypto.randomUUID` is missing in pages that are not loaded by HTTPS. */
export const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
