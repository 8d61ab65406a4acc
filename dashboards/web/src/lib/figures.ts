/** From the API's answer to what the page shows. Pure; amounts stay exact text, rates of nothing are null. */

import { type Count, FUNNEL_STEPS, type FunnelStep, type Overview, POPULATIONS, type Population, type SalesDay } from "./api";
import { change, sum } from "./decimal";

export interface Tile {
  name: "net_sales" | "orders" | "conversion" | "abandonment";
  unit: "money" | "count" | "rate";
  /** Decimal text for money; a number else. */
  value: string | number | null;
  /** A share for money and counts (0.1 is a tenth more), a difference for rates. */
  change: number | null;
  /** By day, for the line under the number; gaps where there is no rate. */
  line: (number | null)[];
  /** Whether more is worse. */
  inverse: boolean;
}

const DAY_MS = 86_400_000;

export function number(count: Count | null | undefined): number {
  return count == null ? 0 : Number(count);
}

/** Part of the whole; null where there is no whole. */
export function rate(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}

/** Every day from first to last, both included. */
export function days(from: string, to: string): string[] {
  const all: string[] = [];
  const last = Date.parse(`${to}T00:00:00Z`);
  for (let day = Date.parse(`${from}T00:00:00Z`); day <= last; day += DAY_MS) all.push(new Date(day).toISOString().slice(0, 10));
  return all;
}

/** Sales of every day: days on which nothing was sold are there too. */
export function salesByDay(overview: Overview): { day: string; sales: SalesDay | null }[] {
  const byDay = new Map(overview.sales.map((sales) => [sales.day.slice(0, 10), sales]));
  return days(overview.from, overview.to).map((day) => ({ day, sales: byDay.get(day) ?? null }));
}

export function tiles(overview: Overview, compare: boolean): Tile[] {
  const { previous, funnel, sales } = overview;
  const byDay = salesByDay(overview);

  const netSales = sum(sales.map((day) => day.net_sales));
  const orders = sales.reduce((all, day) => all + number(day.orders), 0);
  const ordersBefore = number(previous.orders);
  const conversion = rate(number(funnel.purchase), number(funnel.sessions));
  const conversionBefore = rate(number(previous.purchases), number(previous.sessions));
  const carts = overview.abandonment.find((row) => row.population === "cart");
  const left = carts ? rate(number(carts.abandoned), number(carts.abandoned) + number(carts.converted)) : null;
  const leftBefore = rate(number(previous.carts_abandoned), number(previous.carts_abandoned) + number(previous.carts_converted));
  const difference = (now: number | null, before: number | null) => (compare && now != null && before != null ? now - before : null);

  const visits = new Map(overview.funnel_days.map((day) => [day.day.slice(0, 10), rate(number(day.purchase), number(day.sessions))]));
  const cartDays = new Map(
    (overview.abandonment_days ?? []).map((day) => [day.day.slice(0, 10), rate(number(day.abandoned), number(day.abandoned) + number(day.converted))]),
  );
  const lineOf = (byDate: Map<string, number | null>) => (byDate.size ? byDay.map(({ day }) => byDate.get(day) ?? null) : []);

  return [
    {
      name: "net_sales",
      unit: "money",
      value: netSales,
      change: compare && previous.net_sales != null ? change(netSales, previous.net_sales) : null,
      line: byDay.map(({ sales }) => Number(sales?.net_sales ?? 0)),
      inverse: false,
    },
    {
      name: "orders",
      unit: "count",
      value: orders,
      change: compare && ordersBefore > 0 ? orders / ordersBefore - 1 : null,
      line: byDay.map(({ sales }) => number(sales?.orders)),
      inverse: false,
    },
    { name: "conversion", unit: "rate", value: conversion, change: difference(conversion, conversionBefore), line: lineOf(visits), inverse: false },
    { name: "abandonment", unit: "rate", value: left, change: difference(left, leftBefore), line: lineOf(cartDays), inverse: true },
  ];
}

export interface Step {
  step: FunnelStep;
  reached: number;
  /** Of the step before; null for the first and after a step that nobody reached. */
  ofStep: number | null;
  ofStart: number | null;
}

export function funnel(overview: Overview): Step[] {
  const reached = FUNNEL_STEPS.map((step) => number(overview.funnel[step]));
  return FUNNEL_STEPS.map((step, i) => {
    const here = reached[i] ?? 0;
    return { step, reached: here, ofStep: i === 0 ? null : rate(here, reached[i - 1] ?? 0), ofStart: rate(here, reached[0] ?? 0) };
  });
}

export interface LeftBehind {
  population: Population;
  rate: number | null;
  abandoned: number;
  converted: number;
  open: number;
  emptied: number;
  recovered: number;
  value: string | null;
}

export function leftBehind(overview: Overview): LeftBehind[] {
  return POPULATIONS.flatMap((population) => {
    const row = overview.abandonment.find((row) => row.population === population);
    if (!row) return [];
    const [abandoned, converted] = [number(row.abandoned), number(row.converted)];
    return [
      {
        population,
        rate: rate(abandoned, abandoned + converted),
        abandoned,
        converted,
        open: number(row.open),
        emptied: number(row.emptied),
        recovered: number(row.recovered),
        value: row.value_abandoned,
      },
    ];
  });
}
