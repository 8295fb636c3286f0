/** Formats values for the screen, in the browser's language. */

import { effect, signal } from "@preact/signals";

/** The time zones that times can be shown in. */
export const ZONES = ["local", "UTC"] as const;
type Zone = (typeof ZONES)[number];
const KEPT = "stockwire.zone";

const stored = localStorage.getItem(KEPT);
export const zone = signal<Zone>(ZONES.find((name) => name === stored) ?? "local");
effect(() => localStorage.setItem(KEPT, zone.value));

/** A zone for people, such as `Local (Europe/Paris)`. */
export const zoneText = (name: Zone): string =>
  name === "UTC" ? "UTC" : `Local (${new Intl.DateTimeFormat().resolvedOptions().timeZone})`;

/**
 * One formatter for each zone, made when it is first used, since the first one of a page takes tens of
 * milliseconds. The language is the browser's.
 */
const inZones = (options: Intl.DateTimeFormatOptions) => {
  const formats = new Map<Zone, Intl.DateTimeFormat>();
  return (iso: string): string => {
    const timeZone = zone.value === "UTC" ? { timeZone: "UTC" } : {};
    const format =
      formats.get(zone.value) ?? new Intl.DateTimeFormat(undefined, { ...options, ...timeZone });
    formats.set(zone.value, format);
    return format.format(new Date(iso));
  };
};

/** `14:03:12`. Without a formatter of the browser, since lists of changes show little else. */
export function clock(iso: string): string {
  if (zone.value === "UTC") return iso.slice(11, 19);
  const at = new Date(iso);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(":");
}

const twoDigits = (n: number): string => String(n).padStart(2, "0");

/** Date, time and the zone's name. */
export const moment = inZones({
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
  timeZoneName: "short",
});
/** A short date. */
export const day = inZones({ month: "short", day: "numeric" });

/** Some languages in which a whole number below a thousand is written as in a program. */
export const PLAIN_LANGUAGES = [
  "cs",
  "da",
  "de",
  "en",
  "es",
  "fi",
  "fr",
  "it",
  "nb",
  "nl",
  "pl",
  "pt",
  "sv",
] as const;
const isPlain = PLAIN_LANGUAGES.some((each) => each === navigator.language.split("-", 1)[0]);
let integer: Intl.NumberFormat | undefined;

/** A number for people. A small one needs no formatter in a plain language. */
export const count = (n: number): string =>
  isPlain && Number.isInteger(n) && n >= 0 && n < 1000
    ? String(n)
    : (integer ??= new Intl.NumberFormat()).format(n);

/** How frequent currencies are written in front of an amount, by language. */
export const SIGNS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "en-GB": { EUR: "€", GBP: "£", USD: "US$" },
  "en-US": { EUR: "€", GBP: "£", USD: "$" },
};
const PLAIN_PRICE = /^(\d{1,3})(?:\.(\d{1,2}))?$/;

/** A price below a thousand as the language's formatter writes it; undefined of another currency. */
export function plainMoney(price: number, currency: string, language: string): string | undefined {
  const sign = SIGNS[language]?.[currency];
  const [, whole, cents = ""] = PLAIN_PRICE.exec(String(price)) ?? [];
  return sign && whole && `${sign}${whole}.${cents.padEnd(2, "0")}`;
}

const currencies = new Map<string, Intl.NumberFormat>();

/** `currency` is an ISO 4217 code. A frequent one needs no formatter. */
export function money(price: number, currency: string): string {
  const plain = plainMoney(price, currency, navigator.language);
  if (plain) return plain;
  const format =
    currencies.get(currency) ?? new Intl.NumberFormat(undefined, { style: "currency", currency });
  currencies.set(currency, format);
  return format.format(price);
}

/** Called while a page waits for prices: the first formatter of a page takes tens of milliseconds. */
export const prepareMoney = (): void => void money(0, "EUR");

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
