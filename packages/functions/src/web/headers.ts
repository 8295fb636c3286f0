/** `Headers` as the Fetch standard has it, for what an app needs of it. Why: install.ts. */

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const UNFIT = /[\0\r\n]|[^\0-\xff]/;
const AROUND = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const COOKIE = "set-cookie";

type Pairs = Iterable<readonly [name: string, value: string]>;

/** Header fields by lower-case name. Throws TypeError at a name or value that HTTP cannot carry. */
export class LightHeaders implements Iterable<[string, string]> {
  readonly #fields = new Map<string, string>();
  #cookies: string[] = []; // the only field that is never joined

  constructor(init?: Pairs | Readonly<Record<string, string>>) {
    if (init === undefined) return;
    if (init instanceof LightHeaders) {
      for (const [key, text] of init.#fields) {
        // A joined value ends in white space if its last part is empty. A copy does not.
        this.#fields.set(key, text.endsWith(" ") ? text.slice(0, -1) : text);
      }
      this.#cookies = [...init.#cookies];
      return;
    }
    const pairs: Pairs = isPairs(init) ? init : Object.entries(init);
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name: string, value: string): void {
    const [key, text] = [keyOf(name), valueOf(value)];
    if (key === COOKIE) this.#cookies.push(text);
    else {
      const known = this.#fields.get(key);
      const separator = key === "cookie" ? "; " : ", ";
      this.#fields.set(key, known === undefined ? text : `${known}${separator}${text}`);
    }
  }

  set(name: string, value: string): void {
    const [key, text] = [keyOf(name), valueOf(value)];
    if (key === COOKIE) this.#cookies = [text];
    else this.#fields.set(key, text);
  }

  delete(name: string): void {
    const key = keyOf(name);
    if (key === COOKIE) this.#cookies = [];
    else this.#fields.delete(key);
  }

  get(name: string): string | null {
    const key = keyOf(name);
    if (key !== COOKIE) return this.#fields.get(key) ?? null;
    return this.#cookies.length > 0 ? this.#cookies.join(", ") : null;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  getSetCookie(): string[] {
    return [...this.#cookies];
  }

  forEach(visit: (value: string, name: string, headers: this) => void): void {
    for (const [name, value] of this.#sorted()) visit(value, name, this);
  }

  /** The fields, sorted by name; each cookie is one. */
  *entries(): Generator<[string, string], undefined> {
    yield* this.#sorted();
  }

  #sorted(): [string, string][] {
    const pairs = [...this.#fields];
    for (const value of this.#cookies) pairs.push([COOKIE, value]);
    return pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }

  *keys(): Generator<string, undefined> {
    for (const [name] of this) yield name;
  }

  *values(): Generator<string, undefined> {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator](): Generator<[string, string], undefined> {
    return this.entries();
  }
}

const isPairs = (init: object): init is Pairs => Symbol.iterator in init;

function keyOf(name: string): string {
  if (!NAME.test(name)) throw new TypeError("Not the name of a header");
  return name.toLowerCase();
}

/** Returns a value without the white space around it. */
function valueOf(value: string): string {
  const text = value.replace(AROUND, "");
  if (UNFIT.test(text)) throw new TypeError("Not the value of a header");
  return text;
}
