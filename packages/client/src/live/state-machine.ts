/**
 * A state machine whose transitions are a table. Code fires events; only the table decides the next
 * state. A table is a full record, so a state or event without an entry does not compile.
 */

/** The next state for each state and event; null for an event that cannot occur in that state. */
export type TransitionTable<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Record<Event, State | null>>>
>;

export class StateMachine<State extends string, Event extends string> {
  readonly #table: TransitionTable<State, Event>;
  #state: State;

  constructor(table: TransitionTable<State, Event>, initial: State) {
    this.#table = table;
    this.#state = initial;
  }

  get state(): State {
    return this.#state;
  }

  /** True if the state changed. Throws if the event cannot occur: that is a bug of this client. */
  fire(event: Event): boolean {
    const from = this.#state;
    const to = this.#table[from][event];
    if (to === null) throw new Error(`${event} cannot occur in ${from}`);
    this.#state = to;
    return to !== from;
  }
}
