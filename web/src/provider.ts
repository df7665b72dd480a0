// Who holds the key: wallets that announce themselves (EIP-6963), one that is simply there (EIP-1193), or the
// development accounts of a local chain. And what can go wrong with them, by name.
import { errorName } from "./suite";

export interface Provider {
  request(order: { method: string; params?: readonly unknown[] }): Promise<unknown>;
  on?(event: string, hear: (...told: unknown[]) => void): void;
  removeListener?(event: string, hear: (...told: unknown[]) => void): void;
}

export interface Offered {
  id: string;
  name: string;
  icon: string | undefined;
  provider: Provider;
}

interface Announced {
  info: { uuid: string; name: string; icon: string };
  provider: Provider;
}

const MOST_WALLETS = 20;
const LONGEST_NAME = 40;

// Calls `hear` with all wallets heard of, each time another announces itself. Names and icons are theirs: shown as text
// and as an image, nothing more.
export function findWallets(hear: (wallets: Offered[]) => void): () => void {
  const found = new Map<string, Offered>();
  const take = (event: Event): void => {
    const told = (event as CustomEvent<Announced>).detail;
    if (!told?.info?.uuid || !told.provider?.request || found.size >= MOST_WALLETS) return;
    const icon = /^data:image\/(png|svg\+xml|webp|jpeg)/.test(told.info.icon) ? told.info.icon : undefined;
    const name = String(told.info.name).slice(0, LONGEST_NAME);
    found.set(told.info.uuid, { id: told.info.uuid, name, icon, provider: told.provider });
    hear([...found.values()]);
  };
  window.addEventListener("eip6963:announceProvider", take);
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  const injected = (window as { ethereum?: Provider }).ethereum;
  const late = setTimeout(() => {
    if (injected && found.size === 0) hear([{ id: "injected", name: "Browser wallet", icon: undefined, provider: injected }]);
  }, 300);
  return () => {
    clearTimeout(late);
    window.removeEventListener("eip6963:announceProvider", take);
  };
}

// A node that holds its accounts' keys, as a wallet.
export function nodeProvider(url: string): Provider {
  let id = 0;
  return {
    async request({ method, params = [] }) {
      const body = JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params });
      const headers = { "content-type": "application/json" };
      const answer = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(15_000) });
      const told = (await answer.json()) as { result?: unknown; error?: { code: number; message: string; data?: unknown } };
      if (told.error) throw Object.assign(new Error(told.error.message), told.error);
      return told.result;
    },
  };
}

export type Fault =
  | { kind: "rejected" | "lost" | "noFunds" }
  | { kind: "refusedBy" | "wentWrong"; reason: string }
  | { kind: "wrongChain"; given: number };

export class WrongChain extends Error {
  constructor(readonly given: number) {
    super("wrong chain");
  }
}

const REJECTED = 4001;
const DISCONNECTED = [4900, 4901];

// What went wrong, out of whatever a wallet throws.
export function faultOf(error: unknown): Fault {
  if (error instanceof WrongChain) return { kind: "wrongChain", given: error.given };
  const told = error as { code?: number; message?: string; data?: unknown; name?: string };
  if (told.code === REJECTED) return { kind: "rejected" };
  const isNetwork = error instanceof TypeError || told.name === "TimeoutError";
  if (isNetwork || DISCONNECTED.includes(told.code ?? 0)) return { kind: "lost" };
  const refused = errorName(revertData(told.data) ?? /0x[0-9a-fA-F]{8,}/.exec(told.message ?? "")?.[0]);
  if (refused) return { kind: "refusedBy", reason: refused };
  if (/insufficient funds/i.test(told.message ?? "")) return { kind: "noFunds" };
  return { kind: "wentWrong", reason: (told.message ?? String(error)).slice(0, 200) };
}

function revertData(data: unknown): unknown {
  if (typeof data === "string") return data;
  const inner = data as { data?: unknown; originalError?: { data?: unknown } } | undefined;
  return inner?.data ?? inner?.originalError?.data;
}
