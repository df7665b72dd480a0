// Figures as people read them. Amounts are integers of any size until the last step.
import type { Language, Say } from "./words";

const SBI_DECIMALS = 18;
const GAICPH_DECIMALS = 9;

export function sbi(wei: string | bigint, language: Language, decimals = 4): string {
  return `${decimal(BigInt(wei), SBI_DECIMALS, decimals, language)} SBI`;
}

// As exact as it is: for what a person is about to sign.
export function sbiExact(wei: string | bigint, language: Language): string {
  return sbi(wei, language, SBI_DECIMALS);
}

const STEPS: [string, number][] = [
  ["GAICPh", GAICPH_DECIMALS],
  ["mGAICPh", 6],
  ["µGAICPh", 3],
  ["nGAICPh", 0],
];

export function output(nano: string | bigint, language: Language): string {
  const amount = BigInt(nano);
  const [unit, decimals] = STEPS.find(([, power]) => amount >= 10n ** BigInt(power)) ?? ["nGAICPh", 0];
  return `${decimal(amount, decimals, 2, language)} ${unit}`;
}

export function count(value: number, language: Language): string {
  return new Intl.NumberFormat(language).format(value);
}

// Rounded towards zero: nobody is shown more than there is.
function decimal(amount: bigint, decimals: number, shown: number, language: Language): string {
  const negative = amount < 0n;
  const [whole, rest] = [abs(amount) / 10n ** BigInt(decimals), abs(amount) % 10n ** BigInt(decimals)];
  const fraction = rest.toString().padStart(decimals, "0").slice(0, shown).replace(/0+$/, "");
  const dust = fraction === "" && whole === 0n && rest > 0n;
  const text = new Intl.NumberFormat(language).format(whole) + (fraction ? `.${fraction}` : "");
  return `${negative ? "−" : ""}${dust ? `<0.${"0".repeat(Math.max(0, shown - 1))}1` : text}`;
}

function abs(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}

export function part(of: string | bigint, whole: string | bigint): number {
  const all = BigInt(whole);
  return all === 0n ? 0 : Number((BigInt(of) * 10_000n) / all) / 10_000;
}

export function span(seconds: number, say: Say): string {
  const left = Math.max(0, Math.round(seconds));
  if (left < 120) return say("seconds", { count: left });
  if (left < 7_200) return say("minutes", { count: Math.round(left / 60) });
  return left < 172_800 ? say("hours", { count: Math.round(left / 3_600) }) : say("days", { count: Math.round(left / 86_400) });
}

export function moment(seconds: number | string, language: Language): string {
  const time = Number(seconds);
  const shown = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  return time > 8.64e12 ? String(seconds) : shown.format(new Date(time * 1000));
}

export function short(text: string): string {
  return text.length > 14 ? `${text.slice(0, 6)}…${text.slice(-4)}` : text;
}

// What a person wrote, in wei; undefined where it is no amount.
export function parseSbi(text: string): bigint | undefined {
  const match = /^(\d{1,30})(?:\.(\d{1,18}))?$/.exec(text.trim().replaceAll(",", ""));
  if (!match) return undefined;
  const amount = BigInt((match[1] ?? "0") + (match[2] ?? "").padEnd(SBI_DECIMALS, "0"));
  return amount > 0n ? amount : undefined;
}
