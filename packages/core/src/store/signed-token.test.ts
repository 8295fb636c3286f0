import { expect, test } from "vitest";
import * as SignedToken from "./signed-token.ts";
import { AppError } from "../error.ts";

SignedToken.configure("a secret for tests that is long enough");

const codeOf = (token: string, scope: string): string | undefined => {
  try {
    SignedToken.decode(token, scope);
    return undefined;
  } catch (error) {
    return error instanceof AppError ? error.code : "not an AppError";
  }
};

test("a token is decoded with the scope that it was encoded with", () => {
  const token = SignedToken.encode("item_0193-☕", "items desc");
  expect(SignedToken.decode(token, "items desc")).toBe("item_0193-☕");
});

test("a token with a changed byte, of another list or of another key is refused", () => {
  const token = SignedToken.encode("0193f", "users desc");
  const bytes = Buffer.from(token, "base64url");
  for (let i = 0; i < bytes.length; i++) {
    for (const bit of [1, 128]) {
      const forged = Buffer.from(bytes);
      forged[i] = (forged[i] ?? 0) ^ bit;
      expect(codeOf(forged.toString("base64url"), "users desc")).toBe("invalid_cursor");
    }
  }
  expect(codeOf(token, "users asc")).toBe("invalid_cursor");
  expect(codeOf(token, "users desc0193f")).toBe("invalid_cursor");
  expect(codeOf(`${token}=`, "users desc")).toBe("invalid_cursor");
  expect(codeOf(`${token} `, "users desc")).toBe("invalid_cursor");
  for (const junk of ["", "a", "☕", "{}", "A".repeat(2000)]) {
    expect(codeOf(junk, "users desc")).toBe("invalid_cursor");
  }
  SignedToken.configure("another secret for tests, also long");
  expect(codeOf(token, "users desc")).toBe("invalid_cursor");
});
