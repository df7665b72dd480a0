// A relayer, as the wallet speaks to it: a quote, a payment handed in, and what became of it.
import type { Address, Hex } from "viem";
import type { Authorization } from "./suite";

const PATIENCE = 20_000;
const FOLLOWED = 180_000;
const PAUSE = 1_000;

export interface Quote {
  // Wei, as a decimal string; "0" where the relayer asks nothing.
  fee: string;
  collector: Address;
  nonce: Hex;
  fee_nonce: Hex;
  fee_grace_seconds: number;
  quote: string;
}

interface Status {
  state: "queued" | "sent" | "made" | "skipped" | "expired";
  transaction: Hex | null;
  reason: string | null;
  status_url: string;
}

export interface SignedPayment extends Authorization {
  signature: Hex;
}

// What the relayer says no with, in its own words: they may hold addresses, which are no contract's error.
export class RelayerRefused extends Error {}

export class Relayer {
  constructor(private readonly url: string) {}

  quote(payer: Address): Promise<Quote> {
    return this.ask<Quote>(`/v1/quotes?from=${payer}`);
  }

  // The transaction, once the payment is in a block.
  async carry(payment: SignedPayment, quote: Quote, fee: SignedPayment | undefined): Promise<Hex> {
    const { from: _payer, to: _collector, ...signedFee } = fee ?? ({} as SignedPayment);
    const body = { ...payment, quote: quote.quote, ...(fee && { fee: signedFee }) };
    const plain = (_: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);
    const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body, plain) };
    let status = await this.ask<Status>("/v1/payments", request);
    const patient = Date.now() + FOLLOWED;
    while (!(status.state === "made" && status.transaction)) {
      if (status.state === "skipped" || status.state === "expired") throw new RelayerRefused(status.reason ?? status.state);
      if (Date.now() > patient) throw new RelayerRefused(`not in a block yet: ${this.url}${status.status_url}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      status = await this.ask<Status>(status.status_url);
    }
    return status.transaction;
  }

  private async ask<T>(path: string, request: RequestInit = {}): Promise<T> {
    const answer = await fetch(`${this.url}${path}`, { ...request, signal: AbortSignal.timeout(PATIENCE) });
    const told = (await answer.json()) as T & { title?: string; detail?: string };
    if (!answer.ok) throw new RelayerRefused(`${told.title ?? answer.status}: ${told.detail ?? ""}`);
    return told;
  }
}
