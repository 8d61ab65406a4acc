import { describe, expect, test } from "vitest";

import type { Overview } from "../src/lib/api";
import { thinned } from "../src/lib/charts";
import { change, round, sum } from "../src/lib/decimal";
import { days, funnel, leftBehind, salesByDay, tiles } from "../src/lib/figures";

function day(date: string, orders: number, net: string) {
  return {
    day: date, orders: String(orders), units: String(orders), gross_sales: net, discounts: "0.0000", returns: "0.0000",
    net_sales: net, shipping: "0.0000", tax: "0.0000", total: net,
  };
}

/** Two days of sales, worked out by hand below. */
const overview: Overview = {
  shop: { name: "Dar Al Oud", currency: "KWD", timezone: "Asia/Kuwait" },
  as_of: "2026-03-03T10:00:00Z",
  from: "2026-03-01",
  to: "2026-03-03",
  currency: "KWD",
  currencies: ["KWD"],
  sales: [day("2026-03-01", 3, "12.1000"), day("2026-03-03", 1, "0.2000")],
  previous: { orders: "5", net_sales: "8.2000", sessions: "100", purchases: "4", carts_abandoned: "6", carts_converted: "4" },
  funnel: { sessions: "80", product_view: "40", add_to_cart: "10", begin_checkout: "8", payment_attempt: "0", purchase: "0" },
  funnel_days: [{ day: "2026-03-01", sessions: "50", purchase: "5" }],
  abandonment: [
    // The example of the definitions: one bought, two left, one emptied, one open; 2 / (2 + 1).
    { population: "cart", started: "5", converted: "1", abandoned: "2", open: "1", emptied: "1", recovered: "0", value_abandoned: "30.5000" },
    { population: "payment", started: "0", converted: "0", abandoned: "0", open: "0", emptied: "0", recovered: "0", value_abandoned: null },
  ],
};

describe("decimals", () => {
  test("add up exactly", () => {
    expect(sum(["0.1", "0.2", null, "-0.0005"])).toBe("0.2995");
    expect(sum([])).toBe("0");
    expect(sum(["9007199254740993.0001", "0.0001"])).toBe("9007199254740993.0002");
  });

  test("round at the sign's far side too", () => {
    expect(round("-0.995", 2)).toBe("-1.00");
    expect(round("5", 3)).toBe("5.000");
    expect(round("-0.001", 2)).toBe("0.00");
  });

  test("a change from nothing is not a number", () => {
    expect(change("12.3000", "8.2000")).toBe(0.5);
    expect(change("1", "0.0000")).toBeNull();
    expect(change("-1", "-2")).toBe(0.5);
  });

  test("what is not a decimal is refused", () => {
    expect(() => sum(["1e3"])).toThrow("1e3");
  });
});

describe("lines under the tiles", () => {
  test("short ones are as they are, long ones become means of their days", () => {
    expect(thinned([1, null, 3])).toEqual([1, null, 3]);
    const long = thinned(Array.from({ length: 120 }, (_, i) => i));
    expect(long.length).toBe(60);
    expect(long.slice(0, 2)).toEqual([0.5, 2.5]);
    expect(thinned([...Array<null>(60).fill(null), ...Array<number>(60).fill(4)]).slice(29, 31)).toEqual([null, 4]);
  });
});

describe("figures", () => {
  test("days without sales are there, with nothing", () => {
    expect(days("2026-02-27", "2026-03-02")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]);
    expect(salesByDay(overview).map(({ sales }) => sales?.net_sales ?? null)).toEqual(["12.1000", null, "0.2000"]);
  });

  test("tiles hold the sums of the days and the change against the period before", () => {
    const [net, orders, conversion, carts] = tiles(overview, true);
    expect(net).toMatchObject({ value: "12.3000", change: 0.5, line: [12.1, 0, 0.2] });
    expect(orders?.value).toBe(4);
    expect(orders?.change).toBeCloseTo(-0.2, 10);
    expect(conversion).toMatchObject({ value: 0, line: [0.1, null, null] });
    expect(conversion?.change).toBeCloseTo(-0.04, 10);
    expect(carts?.value).toBeCloseTo(2 / 3, 10);
    expect(carts?.change).toBeCloseTo(2 / 3 - 0.6, 10);
  });

  test("all days have no period before them", () => {
    expect(tiles(overview, false).map((tile) => tile.change)).toEqual([null, null, null, null]);
  });

  test("the funnel has both rates, and none after a step that nobody reached", () => {
    const steps = funnel(overview);
    expect(steps.map((step) => step.reached)).toEqual([80, 40, 10, 8, 0, 0]);
    expect(steps.map((step) => step.ofStep)).toEqual([null, 0.5, 0.25, 0.8, 0, null]);
    expect(steps.map((step) => step.ofStart)).toEqual([1, 0.5, 0.125, 0.1, 0, 0]);
  });

  test("open and emptied carts are in neither part of the rate; no payments have no rate", () => {
    const [cart, payment] = leftBehind(overview);
    expect(cart?.rate).toBeCloseTo(2 / 3, 10);
    expect(payment?.rate).toBeNull();
  });
});
