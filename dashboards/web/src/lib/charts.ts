/** What each chart looks like. Right-to-left is ours to do: ECharts has no such mode. */

import type { EChartsOption } from "./echarts";
import type { LeftBehind } from "./figures";
import type { Formats } from "./format";
import type { Palette } from "./theme.svelte";

interface Look {
  palette: Palette;
  rtl: boolean;
}

/** More bars than this become a line. */
const MOST_BARS = 100;

/** More points than this are one scribble at a tile's size. */
const MOST_POINTS = 60;

/** So many points at most: each the mean of a run of days. */
export function thinned(line: (number | null)[]): (number | null)[] {
  const run = Math.ceil(line.length / MOST_POINTS);
  const points: (number | null)[] = [];
  for (let i = 0; i < line.length; i += run) {
    const there = line.slice(i, i + run).filter((value) => value !== null);
    points.push(there.length ? there.reduce((total, value) => total + value, 0) / there.length : null);
  }
  return points;
}

export function sparkline(days: (number | null)[], { palette, rtl }: Look): EChartsOption {
  const line = thinned(days);
  return {
    animation: false,
    grid: { left: 1, right: 1, top: 4, bottom: 2 },
    xAxis: { type: "category", show: false, inverse: rtl, boundaryGap: false, data: line.map((_, i) => i) },
    yAxis: { type: "value", show: false, min: ({ min, max }) => min - (max - min) * 0.15, max: "dataMax" },
    series: [
      {
        id: "line",
        type: "line",
        data: line,
        smooth: 0.25,
        symbol: "none",
        silent: true,
        connectNulls: true,
        lineStyle: { width: 1.75, color: palette.accent },
        areaStyle: { color: palette["accent-faint"] },
      },
    ],
  };
}

/** Rows for the box beside the pointer: made of elements, so that no text becomes markup. */
function tip(title: string, rows: [string, string][], rtl: boolean): HTMLElement {
  const box = document.createElement("div");
  box.className = "tip";
  box.dir = rtl ? "rtl" : "ltr";
  box.append(Object.assign(document.createElement("strong"), { textContent: title }));
  const list = box.appendChild(document.createElement("dl"));
  for (const [name, value] of rows) {
    const shown = document.createElement("dd");
    shown.append(Object.assign(document.createElement("bdi"), { textContent: value }));
    list.append(Object.assign(document.createElement("dt"), { textContent: name }), shown);
  }
  return box;
}

export interface DayOfSales {
  day: string;
  net: number;
  /** Name and value of each figure, written out. */
  rows: [string, string][];
}

export function salesChart(sales: DayOfSales[], formats: Formats, { palette, rtl }: Look): EChartsOption {
  const text = { color: palette.soft, fontFamily: palette.font, fontSize: 12 };
  const many = sales.length > MOST_BARS;
  const common = { id: "net", data: sales.map((day) => day.net) };
  return {
    animationDuration: 300,
    animationDurationUpdate: 300,
    aria: { enabled: true },
    grid: { left: rtl ? 8 : 4, right: rtl ? 4 : 8, top: 12, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      appendTo: "body",
      className: "tip-frame",
      confine: true,
      axisPointer: { type: many ? "line" : "shadow", lineStyle: { color: palette.soft }, shadowStyle: { color: palette["accent-faint"] } },
      formatter: (points) => {
        const at = (Array.isArray(points) ? points[0] : points)?.dataIndex ?? 0;
        const day = sales[at];
        return day ? tip(formats.fullDay(day.day), day.rows, rtl) : "";
      },
    },
    xAxis: {
      type: "category",
      inverse: rtl,
      boundaryGap: !many,
      data: sales.map((day) => formats.day(day.day)),
      axisLine: { lineStyle: { color: palette.line } },
      axisTick: { show: false },
      axisLabel: { ...text, hideOverlap: true, margin: 12 },
    },
    yAxis: {
      type: "value",
      position: rtl ? "right" : "left",
      splitNumber: 4,
      splitLine: { lineStyle: { color: palette.line } },
      axisLabel: { ...text, formatter: (amount: number) => formats.short(amount) },
    },
    series: [
      many
        ? {
            ...common,
            type: "line",
            symbol: "none",
            lineStyle: { width: 2, color: palette.accent },
            itemStyle: { color: palette.accent },
            areaStyle: { color: palette["accent-faint"] },
          }
        : { ...common, type: "bar", barMaxWidth: 28, barCategoryGap: "28%", itemStyle: { color: palette.accent, borderRadius: [4, 4, 0, 0] } },
    ],
  };
}

export const OUTCOMES = ["converted", "open", "emptied", "abandoned"] as const;

/** One bar a population, parted by what became of them, each of the whole width. */
export function outcomesChart(
  left: LeftBehind[],
  words: { population: (row: LeftBehind) => string; outcome: (outcome: (typeof OUTCOMES)[number]) => string },
  formats: Formats,
  { palette, rtl }: Look,
): EChartsOption {
  const text = { color: palette.soft, fontFamily: palette.font, fontSize: 12 };
  const colours = { converted: palette.accent, open: palette.rest, emptied: palette["rest-faint"], abandoned: palette.left };
  const all = left.map((row) => OUTCOMES.reduce((total, outcome) => total + row[outcome], 0));
  return {
    animationDuration: 300,
    animationDurationUpdate: 300,
    aria: { enabled: true },
    grid: { left: 4, right: 4, top: 2, bottom: 30, containLabel: true },
    legend: {
      bottom: 0,
      left: rtl ? "auto" : 0,
      right: rtl ? 0 : "auto",
      itemWidth: 10,
      itemHeight: 10,
      itemGap: 14,
      icon: "roundRect",
      textStyle: text,
      align: rtl ? "right" : "left",
      selectedMode: false,
      data: (rtl ? [...OUTCOMES].reverse() : [...OUTCOMES]).map((outcome) => words.outcome(outcome)),
    },
    tooltip: {
      trigger: "axis",
      appendTo: "body",
      className: "tip-frame",
      confine: true,
      axisPointer: { type: "none" },
      formatter: (points) => {
        const at = (Array.isArray(points) ? points[0] : points)?.dataIndex ?? 0;
        const row = left[at];
        if (!row) return "";
        const rows = OUTCOMES.map((outcome): [string, string] => [words.outcome(outcome), formats.count(row[outcome])]);
        return tip(words.population(row), rows, rtl);
      },
    },
    xAxis: { type: "value", show: false, inverse: rtl, min: 0, max: 1 },
    yAxis: {
      type: "category",
      inverse: true,
      position: rtl ? "right" : "left",
      data: left.map((row) => words.population(row)),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { ...text, margin: 12 },
    },
    series: OUTCOMES.map((outcome) => ({
      id: outcome,
      name: words.outcome(outcome),
      type: "bar" as const,
      stack: "all",
      barWidth: 18,
      data: left.map((row, i) => (all[i] ? row[outcome] / (all[i] ?? 1) : 0)),
      itemStyle: { color: colours[outcome], borderColor: palette.card, borderWidth: 1 },
    })),
  };
}
