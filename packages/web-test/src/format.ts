/** Formats values for the screen. */

const time = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const dateAndTime = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
});
const integer = new Intl.NumberFormat("en");

export const clock = (iso: string): string => time.format(new Date(iso));
export const moment = (iso: string): string => dateAndTime.format(new Date(iso));
export const count = (n: number): string => integer.format(n);

const currencies = new Map<string, Intl.NumberFormat>();

/** `currency` is an ISO 4217 code. */
export function money(price: number, currency: string): string {
  const format =
    currencies.get(currency) ?? new Intl.NumberFormat("en", { style: "currency", currency });
  currencies.set(currency, format);
  return format.format(price);
}

/** The last characters of an id: they are random, so they differ between the records of a page. */
export const short = (id: string): string => (id.length > 14 ? `…${id.slice(-8)}` : id);

/** Whole seconds as `m:ss` or `h:mm:ss`. */
export function duration(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Any JSON value in one line of at most 80 characters. */
export function brief(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
