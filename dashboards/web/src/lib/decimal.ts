/** Exact decimals, as the API sends them: text. Nothing here goes through a float. */

/** An amount as digits and places: 12.500 is { units: 12500n, places: 3 }. */
interface Parts {
  units: bigint;
  places: number;
}

const PLAIN = /^(-?)(\d+)(?:\.(\d*))?$/;

function parts(text: string): Parts {
  const match = PLAIN.exec(text.trim());
  if (!match) throw new Error(`${JSON.stringify(text)} is not a plain decimal`);
  const [, sign = "", whole = "", fraction = ""] = match;
  return { units: BigInt(sign + whole + fraction), places: fraction.length };
}

function text({ units, places }: Parts): string {
  if (places === 0) return units.toString();
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, "0");
  return `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

function at(value: Parts, places: number): bigint {
  return value.units * 10n ** BigInt(places - value.places);
}

/** The sum of decimal texts; absent ones count for nothing. */
export function sum(values: Iterable<string | null | undefined>): string {
  let total: Parts = { units: 0n, places: 0 };
  for (const value of values) {
    if (value == null) continue;
    const next = parts(value);
    const places = Math.max(total.places, next.places);
    total = { units: at(total, places) + at(next, places), places };
  }
  return text(total);
}

/** The value with exactly so many places, halves to the even neighbour. */
export function round(value: string, places: number): string {
  const exact = parts(value);
  if (exact.places <= places) return text({ units: at(exact, places), places });
  const unit = 10n ** BigInt(exact.places - places);
  let units = exact.units / unit;
  const twice = 2n * (exact.units % unit);
  const size = twice < 0n ? -twice : twice;
  if (size > unit || (size === unit && units % 2n !== 0n)) units += exact.units < 0n ? -1n : 1n;
  return text({ units, places });
}

/** By how much of `before` the value differs from it: 0.25 is a quarter more. `null` where there was nothing. */
export function change(now: string, before: string): number | null {
  const [a, b] = [parts(now), parts(before)];
  if (b.units === 0n) return null;
  const places = Math.max(a.places, b.places);
  const base = at(b, places);
  const difference = at(a, places) - base;
  return Number((difference * 1_000_000n) / (base < 0n ? -base : base)) / 1_000_000;
}
