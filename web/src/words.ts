// What the pages say. English is the reference: Chinese has exactly its keys, or this does not compile.
import en from "./words/en.json";
import zh from "./words/zh.json";

export type Key = keyof typeof en;
export type Language = "en" | "zh";

const WORDS: Record<Language, Record<Key, string>> = { en, zh: zh satisfies Record<Key, string> };
const KEPT = "language";

export function firstLanguage(): Language {
  const kept = read(KEPT);
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function keepLanguage(language: Language): void {
  write(KEPT, language);
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
}

export type Say = (key: Key, values?: Record<string, string | number>) => string;

export function sayIn(language: Language): Say {
  return (key, values = {}) =>
    WORDS[language][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

// Storage may be forbidden: then nothing is remembered, and all works.
export function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // see above
  }
}
