/**
 * React hooks on live records, for React 18 and newer. Components render what the server has, with
 * the writes that are under way. They work with StrictMode, suspense and rendering on a server.
 */

import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { Client, Feed } from "./api.gen.ts";
import type { Answer } from "./call.ts";
import type { Versioned } from "./live/collection.ts";
import type { CollectionState } from "./react/entry.ts";
import {
  type Filter,
  listSource,
  type Records,
  recordSource,
  type Source,
} from "./react/source.ts";
import {
  type ConnectionState,
  ON_SERVER,
  Stockwire,
  type StockwireOptions,
} from "./react/stockwire.ts";
import type { Patch } from "./react/write.ts";

export type { CollectionState } from "./react/entry.ts";
export type { Filter, Filters, Records } from "./react/source.ts";
export type { ConnectionState, Stockwire, StockwireOptions } from "./react/stockwire.ts";
export type { Patch } from "./react/write.ts";

/** Creates what a provider needs; once, outside of components. It connects at its first use. */
export const createStockwire = (options: StockwireOptions): Stockwire => new Stockwire(options);

const Context = createContext<Stockwire | undefined>(undefined);

export interface StockwireProviderProps {
  value: Stockwire;
  children?: ReactNode;
}

export const StockwireProvider = ({ value, children }: StockwireProviderProps): ReactElement =>
  createElement(Context.Provider, { value }, children);

/** The two clients of the provider above. Throws `Error` without a provider. */
export function useStockwire(): Stockwire {
  const stockwire = useContext(Context);
  if (!stockwire) throw new Error("useStockwire needs a <StockwireProvider> above it");
  return stockwire;
}

export interface HookOptions {
  /** Suspends until the records are loaded, and throws the error of a refusal. */
  suspense?: boolean;
}

/**
 * All records of a feed, or those in one filter, kept up to date: `useCollection("inventory",
 * { level: "low" })`. Components with the same feed and filter share one collection.
 */
export function useCollection<F extends Feed>(
  feed: F,
  filter?: Filter<F>,
  options?: HookOptions,
): CollectionState<Records[F]> {
  const { key } = listSource(feed, filter); // of the filter's values: it is often written in place
  const source = useMemo(() => listSource(feed, filter), [key]);
  return useSource(source, options);
}

export interface RecordState<T> extends Omit<CollectionState<T>, "records"> {
  /** Undefined while it is loading, and if there is no such record (now). */
  readonly record: T | undefined;
}

/** One record, kept up to date. */
export function useRecord<F extends Feed>(
  feed: F,
  id: string,
  options?: HookOptions,
): RecordState<Records[F]> {
  const source = useMemo(() => recordSource(feed, id), [feed, id]);
  const state = useSource(source, options);
  return useMemo(() => {
    const { records, ...rest } = state;
    return { ...rest, record: records[0] };
  }, [state]);
}

function useSource<T extends Versioned>(
  source: Source<T>,
  { suspense = false }: HookOptions = {},
): CollectionState<T> {
  const stockwire = useStockwire();
  const subscribe = useCallback(
    (listener: () => void) => stockwire.subscribe(source, listener),
    [stockwire, source],
  );
  const state = useSyncExternalStore<CollectionState<T>>(
    subscribe,
    () => stockwire.state(source),
    () => ON_SERVER,
  );
  // A server, and a page that takes over its HTML, must render the same: they never suspend.
  if (suspense && state !== ON_SERVER) {
    if (state.status === "loading") throw stockwire.suspended(source);
    if (state.error) throw state.error;
  }
  return state;
}

/** Whether changes arrive. */
export function useConnection(): ConnectionState {
  const { onConnection, connection } = useStockwire();
  return useSyncExternalStore(onConnection, connection, () => "connecting");
}

export interface MutationOptions<I, T> {
  /** Sends the write. This client marks it, so that its change can be recognised. */
  request: (client: Client, input: I) => Promise<Answer<T>>;
  /** What to show until the change has arrived; it is taken back if the write is refused. */
  optimistic?: (input: I) => Patch | readonly Patch[];
}

export interface Mutation<I, T> {
  /** Writes. The result is in `data` or `error`. */
  mutate: (input: I) => void;
  /** Writes. Resolves with the body of the answer, or rejects with `ProblemError` or the failure. */
  mutateAsync: (input: I) => Promise<T>;
  /** True while an answer is awaited. */
  pending: boolean;
  /** Of the write that started last, if it failed. */
  error: Error | undefined;
  /** Of the write that started last, if it succeeded. */
  data: T | undefined;
}

/** A write of this component. */
export function useMutation<I = void, T = unknown>(options: MutationOptions<I, T>): Mutation<I, T> {
  const stockwire = useStockwire();
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const [result, setResult] = useState<{ error?: Error; data?: T }>({});
  const [waiting, setWaiting] = useState(0);
  const started = useRef(0);

  const mutateAsync = useCallback(
    async (input: I): Promise<T> => {
      const { request, optimistic } = latest.current;
      const number = ++started.current;
      // Writes that overlap may end in any order: only the last one to start has the result.
      const show: typeof setResult = (ended) => {
        if (number === started.current) setResult(ended);
      };
      setWaiting((count) => count + 1);
      setResult({});
      try {
        const patches = [optimistic?.(input) ?? []].flat();
        const data = await stockwire.write((client) => request(client, input), patches);
        show({ data });
        return data;
      } catch (error) {
        show({ error: error as Error });
        throw error;
      } finally {
        setWaiting((count) => count - 1);
      }
    },
    [stockwire],
  );
  const mutate = useCallback(
    (input: I) => void mutateAsync(input).catch(() => undefined),
    [mutateAsync],
  );
  const { error, data } = result;
  return { mutate, mutateAsync, pending: waiting > 0, error, data };
}
