/** What the reader chose: language and digits. Kept in the browser; applied to the whole document. */

import ar from "../words/ar.json";
import en from "../words/en.json";
import type { Digits, Language } from "./format";

export type Word = keyof typeof en;

const WORDS: Record<Language, Record<Word, string>> = { en, ar };
const LANGUAGE = "mizan-language";
const DIGITS = "mizan-digits";

function firstLanguage(): Language {
  const kept = localStorage.getItem(LANGUAGE);
  if (kept === "en" || kept === "ar") return kept;
  return navigator.language.startsWith("ar") ? "ar" : "en";
}

class Reader {
  language = $state<Language>(firstLanguage());
  digits = $state<Digits>(localStorage.getItem(DIGITS) === "arab" ? "arab" : "latn");

  get rtl(): boolean {
    return this.language === "ar";
  }

  speak(language: Language): void {
    this.language = language;
    localStorage.setItem(LANGUAGE, language);
  }

  count(digits: Digits): void {
    this.digits = digits;
    localStorage.setItem(DIGITS, digits);
  }
}

export const reader = new Reader();

/** The words for a key, with `{name}` filled in. */
export function t(word: Word, values: Record<string, string> = {}): string {
  return WORDS[reader.language][word].replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

/** The words for something the server named, such as an order's status; its own name where there are none. */
export function named(family: string, name: string): string {
  const word = `${family}.${name}`;
  return word in en ? t(word as Word) : name.replaceAll("_", " ");
}
