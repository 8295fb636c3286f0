import { ProblemError } from "@stockwire/client/http";
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { isAway } from "../connection.ts";
import { notifyOutcome } from "../notice.tsx";

/** Headers of a write: the server carries out all requests with one key once. */
export interface KeyHeader {
  [name: string]: string;
  "Idempotency-Key": string;
}

export interface Press {
  /** True until the answer has come, for the time of a double click, and while the server is gone. */
  isBusy: ReadonlySignal<boolean>;
  /**
   * Sends one write. The caller does nothing while `isBusy`. If no answer has come, the next press
   * with the same content has the same key, because the server may have carried out the first one.
   */
  send: <T>(write: (headers: KeyHeader) => Promise<T>, content?: unknown) => Promise<T>;
  /** Sends one write and shows a notice of its outcome; ignored while `isBusy`. */
  act: (action: string, write: (headers: KeyHeader) => Promise<unknown>, content?: unknown) => void;
}

export const DOUBLE_CLICK = 500; // ms

/** For a button or a form that writes: one press has one effect, however often it is pressed. */
export function usePress(): Press {
  const isSending = useSignal(false);
  const isBusy = useComputed(() => isSending.value || isAway.value);
  const unanswered = useRef<{ content: string; key: string }>(undefined);

  const send: Press["send"] = async (write, content = null) => {
    const text = JSON.stringify(content);
    const before = unanswered.current;
    const key = before?.content === text ? before.key : crypto.randomUUID();
    unanswered.current = { content: text, key };
    isSending.value = true;
    const held = new Promise((resolve) => setTimeout(resolve, DOUBLE_CLICK));
    try {
      const result = await write({ "Idempotency-Key": key });
      unanswered.current = undefined;
      return result;
    } catch (error) {
      if (error instanceof ProblemError && error.status < 500) unanswered.current = undefined;
      throw error;
    } finally {
      void held.then(() => (isSending.value = false));
    }
  };
  const act: Press["act"] = (action, write, content) => {
    if (!isBusy.peek()) void notifyOutcome(action, send(write, content));
  };
  return { isBusy, send, act };
}
