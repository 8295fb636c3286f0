/** A time without a connection, in epoch ms; `to` is undefined while it lasts. */
export interface Outage {
  from: number;
  to: number | undefined;
}

/**
 * True if a change was committed during one of the outages; `at` is its time. It may arrive after a later
 * one: a connection can be lost again before it has caught up.
 */
export function isWithin(outages: readonly Outage[], at: string): boolean {
  const time = Date.parse(at);
  return outages.some(({ from, to = Infinity }) => time >= from && time <= to);
}
