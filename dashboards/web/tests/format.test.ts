import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { EXPONENTS, Formats } from "../src/lib/format";

const english = new Formats("en", "latn", "Asia/Riyadh");
const arabic = new Formats("ar", "arab", "Asia/Kuwait");
const arabicLatin = new Formats("ar", "latn", "Asia/Kuwait");

describe("money", () => {
  test("has the decimals of its currency", () => {
    expect(english.money("1234.5000", "SAR")).toBe("SAR\u00a01,234.50");
    expect(english.money("1234.5000", "KWD")).toBe("KWD\u00a01,234.500");
    expect(english.money("1234.0000", "JPY")).toBe("JPY\u00a01,234");
    expect(english.money("1234.5678", "CLF")).toBe("CLF\u00a01,234.5678");
  });

  test("is exact where a float is not", () => {
    expect(english.money("12345678901234.5678", "KWD")).toBe("KWD\u00a012,345,678,901,234.568");
    expect(english.money("9007199254740993.00", "SAR")).toBe("SAR\u00a09,007,199,254,740,993.00");
    expect(english.money("0.0050", "KWD")).toBe("KWD\u00a00.005");
  });

  test("rounds halves to the even neighbour", () => {
    expect(english.money("0.125", "SAR")).toBe("SAR\u00a00.12");
    expect(english.money("0.135", "SAR")).toBe("SAR\u00a00.14");
    expect(english.money("-0.125", "SAR")).toBe("−SAR\u00a00.12");
  });

  test("below zero keeps its sign in front of the currency", () => {
    expect(english.money("-42.1", "SAR")).toBe("−SAR\u00a042.10");
  });

  test("reads in Arabic with either digits", () => {
    expect(arabic.money("1234.5", "KWD")).toBe("١٬٢٣٤٫٥٠٠\u00a0د.ك");
    expect(arabicLatin.money("1234.5", "SAR")).toBe("1,234.50\u00a0ر.س");
    expect(arabicLatin.money("10", "SEK")).toBe("10.00\u00a0SEK");
  });

  test("that is not there is a dash, never zero", () => {
    expect(english.money(null, "SAR")).toBe("–");
    expect(english.money("0.0000", "SAR")).toBe("SAR\u00a00.00");
  });

  test("knows the same exponents as the events", () => {
    const list = readFileSync(join(import.meta.dirname, "../../../events/src/iso4217.rs"), "utf8");
    const expected = [...list.matchAll(/\("([A-Z]{3})", (\d)\)/g)].map(([, code, places]) => [code, Number(places)] as const);
    expect(expected.length).toBeGreaterThan(150);
    for (const [code, places] of expected) expect([code, EXPONENTS[code ?? ""] ?? 2]).toEqual([code, places]);
  });
});

describe("rates and changes", () => {
  test("a rate of nothing is a dash", () => {
    expect(english.rate(null)).toBe("–");
    expect(english.rate(0.4163)).toBe("41.6%");
    expect(english.rate(0)).toBe("0.0%");
  });

  test("a change shows its sign, and points are not percent", () => {
    expect(english.signedRate(0.1236)).toBe("+12.4%");
    expect(english.signedRate(-0.05)).toBe("-5%");
    expect(english.signedPoints(0.004)).toBe("+0.4");
  });

  test("read in Arabic", () => {
    expect(arabic.rate(0.416)).toContain("٤١٫٦");
    expect(arabic.count(1234567)).toBe("١٬٢٣٤٬٥٦٧");
    expect(arabicLatin.count(1234567)).toBe("1,234,567");
  });
});

describe("times", () => {
  test("a day is the shop's day, whatever the reader's zone", () => {
    expect(english.day("2026-03-01")).toBe("1 Mar");
    expect(english.fullDay("2026-03-01")).toMatch(/^Sunday,? 1 March 2026$/);
    expect(arabic.day("2026-03-01")).toBe("١ مارس");
  });

  test("days of another year say which", () => {
    const now = Date.parse("2026-03-02T00:00:00Z");
    expect(english.ends("2026-02-01", "2026-03-01", now)).toEqual(["1 Feb", "1 Mar"]);
    expect(english.ends("2025-12-01", "2026-03-01", now)).toEqual(["1 Dec 2025", "1 Mar 2026"]);
    expect(english.ends("2011-01-04", "2011-12-09", now)).toEqual(["4 Jan 2011", "9 Dec 2011"]);
  });

  test("a moment is in the shop's zone; of today only the time", () => {
    const noon = Date.parse("2026-03-01T09:00:00Z");
    expect(english.moment("2026-03-01T08:05:00Z", noon)).toBe("11:05");
    expect(english.moment("2026-02-28T22:30:00Z", noon)).toBe("01:30");
    expect(english.moment("2026-02-28T08:05:00Z", noon)).toBe("28 Feb, 11:05");
  });

  test("how long ago is in the reader's words", () => {
    expect(english.ago(0, 3_400)).toBe("3 seconds ago");
    expect(english.ago(0, 180_000)).toBe("3 minutes ago");
    expect(english.ago(0, 7_300_000)).toBe("2 hours ago");
    expect(english.ago(0, 0)).toBe("now");
    expect(arabic.ago(0, 3_400)).toMatch(/^قبل ٣ /);
  });

  test("an unknown zone is shown in UTC, not as a broken page", () => {
    expect(new Formats("en", "latn", "Nowhere/Town").moment("2026-03-01T08:05:00Z", Date.parse("2026-03-01T09:00:00Z"))).toBe("08:05");
  });
});
