/** How amounts, counts, rates and times are written, in the reader's language. The only place that decides it. */

import { round } from "./decimal";

export type Language = "en" | "ar";
export type Digits = "latn" | "arab";

/** Currencies without the usual two decimals; ISO 4217 list one, as in events/src/iso4217.rs. */
export const EXPONENTS: Readonly<Record<string, number>> = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0, VUV: 0,
  XAF: 0, XOF: 0, XPF: 0,
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3,
  CLF: 4, UYW: 4,
};

/** How Arabic readers write the currencies of the region; others by their code. */
const ARABIC_SYMBOLS: Readonly<Record<string, string>> = {
  AED: "د.إ", BHD: "د.ب", EGP: "ج.م", IQD: "د.ع", JOD: "د.أ", KWD: "د.ك", LYD: "د.ل", MAD: "د.م", OMR: "ر.ع", QAR: "ر.ق",
  SAR: "ر.س", TND: "د.ت",
};

const NOTHING = "–";
const MS_PER_MINUTE = 60_000;
const MS_PER_HOUR = 60 * MS_PER_MINUTE;

export class Formats {
  readonly locale: string;

  constructor(
    readonly language: Language,
    digits: Digits,
    readonly timezone: string,
  ) {
    // The region decides decimal signs and month names; the calendar is said, because some regions have another.
    const region = language === "ar" ? "ar-EG" : "en-GB";
    this.locale = `${region}-u-ca-gregory-nu-${language === "ar" ? digits : "latn"}`;
  }

  /** An amount in full, with its currency's own number of decimals. */
  money(amount: string | null | undefined, currency: string): string {
    if (amount == null) return NOTHING;
    const places = EXPONENTS[currency] ?? 2;
    const digits = round(amount, places);
    const options = { minimumFractionDigits: places, maximumFractionDigits: places };
    const write = (number: string) => new Intl.NumberFormat(this.locale, options).format(number as Intl.StringNumericLiteral);
    if (this.language === "ar") return `${write(digits)}\u00a0${ARABIC_SYMBOLS[currency] ?? currency}`;
    const size = digits.replace("-", "");
    return `${size === digits ? "" : "−"}${currency}\u00a0${write(size)}`;
  }

  /** An amount for an axis: short, without its currency. */
  short(amount: number): string {
    return new Intl.NumberFormat(this.locale, { notation: "compact", maximumFractionDigits: 1 }).format(amount);
  }

  count(value: number | null | undefined): string {
    if (value == null || Number.isNaN(value)) return NOTHING;
    return new Intl.NumberFormat(this.locale, { maximumFractionDigits: 2 }).format(value);
  }

  /** 0.4163 as 41.6%. */
  rate(value: number | null | undefined, digits = 1): string {
    if (value == null || !Number.isFinite(value)) return NOTHING;
    const options = { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
    return new Intl.NumberFormat(this.locale, options).format(value);
  }

  /** A change with its sign: +12.4% */
  signedRate(value: number): string {
    const options = { style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" } as const;
    return new Intl.NumberFormat(this.locale, options).format(value);
  }

  /** A change between two rates, in percentage points, without a unit: +0.4 */
  signedPoints(value: number): string {
    const options = { maximumFractionDigits: 1, signDisplay: "exceptZero" } as const;
    return new Intl.NumberFormat(this.locale, options).format(value * 100);
  }

  /** A shop's day, such as 2026-03-01: 1 Mar. */
  day(day: string): string {
    return this.#date(day, { day: "numeric", month: "short" });
  }

  /** First and last of some days, with years where they are not both this one's. */
  ends(from: string, to: string, now: number): [string, string] {
    const year = String(new Date(now).getUTCFullYear());
    const plain = from.startsWith(year) && to.startsWith(year);
    const write = (day: string) => this.#date(day, { day: "numeric", month: "short", ...(plain ? {} : { year: "numeric" }) });
    return [write(from), write(to)];
  }

  /** A shop's day in full: Sunday 1 March 2026. */
  fullDay(day: string): string {
    return this.#date(day, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  }

  /** A moment, in the shop's time zone: today only its time. */
  moment(at: string, now: number): string {
    const time = new Date(at);
    if (Number.isNaN(time.getTime())) return NOTHING;
    const dayOf = (when: Date) => new Intl.DateTimeFormat("en-CA", { timeZone: this.#zone() }).format(when);
    const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", timeZone: this.#zone() };
    if (dayOf(time) !== dayOf(new Date(now))) Object.assign(options, { day: "numeric", month: "short" });
    return new Intl.DateTimeFormat(this.locale, options).format(time);
  }

  /** How long ago, in the language's own words: 3 seconds ago. */
  ago(at: number, now: number): string {
    const elapsed = Math.max(0, now - at);
    const format = new Intl.RelativeTimeFormat(this.locale, { numeric: "auto" });
    if (elapsed < MS_PER_MINUTE) return format.format(-Math.floor(elapsed / 1000), "second");
    if (elapsed < MS_PER_HOUR) return format.format(-Math.floor(elapsed / MS_PER_MINUTE), "minute");
    return format.format(-Math.floor(elapsed / MS_PER_HOUR), "hour");
  }

  #date(day: string, options: Intl.DateTimeFormatOptions): string {
    const date = new Date(`${day}T00:00:00Z`);
    if (Number.isNaN(date.getTime())) return day;
    return new Intl.DateTimeFormat(this.locale, { ...options, timeZone: "UTC" }).format(date);
  }

  #zone(): string {
    try {
      return new Intl.DateTimeFormat("en", { timeZone: this.timezone }).resolvedOptions().timeZone;
    } catch {
      return "UTC";
    }
  }
}
