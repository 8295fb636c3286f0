/**
 * Converts between the JSON number that clients see and the integer of minor units that is stored.
 * Both directions are exact: an amount that would be rounded is refused.
 */

/** Currency codes of ISO 4217 (list one, amendment 177), grouped by their number of decimals. */
const TWO_DECIMALS =
  "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";
const OTHER_DECIMALS = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
  3: "BHD IQD JOD KWD LYD OMR TND",
};

const decimals: ReadonlyMap<string, number> = new Map(
  [
    [2, TWO_DECIMALS] as const,
    [0, OTHER_DECIMALS[0]] as const,
    [3, OTHER_DECIMALS[3]] as const,
  ].flatMap(([digits, codes]) => codes.split(" ").map((code) => [code, digits] as const)),
);

/**
 * True for a currency of ISO 4217 that prices can have; precious metals and test codes have none.
 */
export const isCurrency = (code: string): boolean => decimals.has(code);

/** Returns the minor units of `amount`; undefined if it has more decimals than the currency. */
export function toMinorUnits(amount: number, currency: string): number | undefined {
  const digits = decimals.get(currency) ?? 2;
  // A double has no exact decimals: compare with what the rounded text reads back as.
  if (Number(amount.toFixed(digits)) !== amount) return undefined;
  return Math.round(amount * 10 ** digits);
}

/** Returns the amount as a JSON number, for example 19.99 for 1999 minor units of USD. */
export const fromMinorUnits = (minorUnits: number, currency: string): number =>
  Number((minorUnits / 10 ** (decimals.get(currency) ?? 2)).toFixed(decimals.get(currency) ?? 2));
