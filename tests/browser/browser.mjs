// Chromium as the stories use it: what goes wrong in a page is noted, axe looks at it, wallets are announced by EIP-6963.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import assert from "node:assert/strict";

const web = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = web("playwright-core");
const AXE = await readFile(web.resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
export const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

export async function launch(order) {
  return chromium.launch({ executablePath: order.chromium, args: FLAGS });
}

// What the pages say, in a language.
export function teller(order, language) {
  return (key, values = {}) =>
    order.words[language][key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

// A page of ours, with everything that goes wrong in it in `faults`.
export async function openPage(browser, order, { size = "desktop", language = "en", theme = "light", wallet } = {}) {
  const context = await browser.newContext({
    viewport: SIZES[size],
    locale: language === "zh" ? "zh-CN" : "en-GB",
    colorScheme: theme,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("requestfailed", (request) => {
    const left = request.url().endsWith("/v1/stream") || request.failure()?.errorText === "net::ERR_ABORTED";
    if (!left) faults.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  page.on("response", (response) => response.status() >= 400 && faults.push(`${response.url()}: ${response.status()}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol) && ![order.base, order.rpc, order.relayer].includes(url.origin)) faults.push(`foreign: ${request.url()}`);
  });
  if (wallet) await announce(page, wallet);
  return { page, context, faults };
}

// A wallet whose keys Anvil holds. `wallet.mood` decides how it answers: "rejects", "gone", or as asked.
async function announce(page, wallet) {
  await page.exposeFunction("walletRequest", async (order) => {
    wallet.asked.push(order);
    const paying = ["eth_signTypedData_v4", "eth_sendTransaction"].includes(order.method);
    if (wallet.mood === "gone") return { error: { code: 4900, message: "disconnected" } };
    if (wallet.mood === "rejects" && paying) return { error: { code: 4001, message: "User rejected the request." } };
    if (order.method === "eth_requestAccounts") return { result: [wallet.account] };
    if (order.method === "eth_chainId" && wallet.chain) return { result: wallet.chain };
    if (order.method === "wallet_switchEthereumChain") {
      wallet.chain = undefined;
      return { result: null };
    }
    const answer = await rpc(wallet.rpc, order.method, order.params ?? []);
    return answer.error ? { error: answer.error } : { result: answer.result };
  });
  await page.addInitScript((name) => {
    const provider = {
      async request(order) {
        const answer = await window.walletRequest(order);
        if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
        return answer.result;
      },
      on() {},
      removeListener() {},
    };
    const info = { uuid: "350670db-19fa-4704-a166-e52e178b59d2", name, icon: "javascript:alert(1)", rdns: "test.wallet" };
    const tell = () =>
      window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
    window.addEventListener("eip6963:requestProvider", tell);
    tell();
  }, wallet.name);
}

export async function rpc(url, method, params = []) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  return (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
}

// Nothing serious or critical by axe's rules, in whatever is open.
export async function assertAccessible(page, where) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const grave = found.violations.filter((each) => ["serious", "critical"].includes(each.impact));
  const told = grave.map((each) => `${each.id}: ${each.nodes.map((node) => node.target.join(" ")).join(", ")}`);
  assert.deepEqual(told, [], where);
}

// Nothing reaches beyond the window's sides.
export async function assertFits(page, where) {
  const wide = await page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll("dialog")].map((each) => each.scrollWidth - each.clientWidth),
  );
  assert.ok(Math.max(...wide) <= 0, `${where}: ${wide} px too wide`);
}

export async function shootPart(page, order, part, name) {
  await page.locator(part).screenshot({ path: join(order.shots, `${name}.png`) });
}

export async function shoot(page, order, name) {
  await page.screenshot({ path: join(order.shots, `${name}.png`), fullPage: true });
}
