import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { FUNNEL_STEPS, POPULATIONS } from "../src/lib/api";
import { OUTCOMES } from "../src/lib/charts";
import ar from "../src/words/ar.json";
import en from "../src/words/en.json";

const placeholders = (words: string) => [...words.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

function sources(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(svelte|ts)$/.test(name))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
}

describe("words", () => {
  test("both languages have the same keys, and none is empty", () => {
    expect(Object.keys(ar)).toEqual(Object.keys(en));
    for (const words of [...Object.values(en), ...Object.values(ar)]) expect(words.trim()).not.toBe("");
  });

  test("both languages take the same values", () => {
    const taken = (words: Record<string, string>) => Object.fromEntries(Object.entries(words).map(([key, text]) => [key, placeholders(text)]));
    expect(taken(ar)).toEqual(taken(en));
  });

  test("Arabic words are Arabic", () => {
    const latin = Object.entries(ar).filter(([key, words]) => key !== "app.other_language" && !/[\u0600-\u06ff]/.test(words));
    expect(latin).toEqual([]);
  });

  test("no word is left that nothing shows", () => {
    const text = sources(join(import.meta.dirname, "../src"));
    // Keys that are put together from what the server or a list names.
    const named = /^(period\.\d+|fault\.(key|scope|busy|offline|server)|tile\.(net_sales|orders|conversion|abandonment)(_is)?|stock\.(out|low|ok)|(alert|status|payment_status)\..+)$/;
    const listed = new Set([...FUNNEL_STEPS.map((step) => `funnel.${step}`), ...[...POPULATIONS, ...OUTCOMES].map((name) => `abandonment.${name}`)]);
    const unused = Object.keys(en).filter((key) => !text.includes(`"${key}"`) && !named.test(key) && !listed.has(key));
    expect(unused).toEqual([]);
  });

  test("every step and population has its words", () => {
    for (const step of FUNNEL_STEPS) expect(en).toHaveProperty([`funnel.${step}`]);
    for (const population of POPULATIONS) expect(en).toHaveProperty([`abandonment.${population}`]);
  });
});
