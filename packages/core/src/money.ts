/**
 * Money as clients see it is a JSON number; as we store it, an integer of the currency's minor
 * units. Both ways are exact.
 */

/** Codes and decimals of ISO 4217 (list one, amendment 177); two decimals where none is named. */
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

/** Whether `code` is a currency of ISO 4217 that goods are priced in. */
export const isCurrency = (code: string): boolean => decimals.has(code);

/** Minor units of `amount`, or undefined if it has more decimals than the currency. */
export function toMinorUnits(amount: number, currency: string): number | undefined {
  const digits = decimals.get(currency) ?? 2;
  if (Number(amount.toFixed(digits)) !== amount) return undefined;
  return Math.round(amount * 10 ** digits);
}

/** The amount as a JSON number, e.g. 1999 minor units of USD → 19.99. */
export const fromMinorUnits = (minorUnits: number, currency: string): number =>
  Number((minorUnits / 10 ** (decimals.get(currency) ?? 2)).toFixed(decimals.get(currency) ?? 2));
