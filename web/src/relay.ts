// A relayer: sends what people without ether have signed, for a fee in SBI that it quotes first (docs/citizens.md).
import type { Address, Hex } from "viem";
import type { Session } from "./session";
import type { Authorization } from "./suite";

export type Kind = "payment" | "first_spend";

export interface Quote {
  fee: string;
  collector: Address;
  nonce: Hex;
  fee_nonce: Hex;
  fee_grace_seconds: number;
  quote: string;
}

export interface Job {
  state: "queued" | "sent" | "made" | "skipped" | "expired";
  transaction: Hex | null;
  reason: string | null;
  status_url: string;
}

// A leaf and its proof, for somebody who was never active.
export interface Activation {
  batch: number;
  index: number;
  person: Hex;
  proof: Hex[];
}

// What a relayer answers instead of doing it. Below 500 it is about what it was asked, from there on about itself.
export class RelayRefusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

const WAIT_MILLISECONDS = 15_000;
const TOO_MANY = 429;

export class Relayer {
  constructor(readonly url: string) {}

  quote(payer: Address, kind: Kind): Promise<Quote> {
    return this.ask<Quote>(`/v1/quotes?from=${payer}&kind=${kind}`);
  }

  // Where the job can be followed.
  async hand(body: SignedPayment): Promise<string> {
    const job = await this.ask<Job>("/v1/payments", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value)),
    });
    return `${this.url}${job.status_url}`;
  }

  private async ask<T>(path: string, order: RequestInit = {}): Promise<T> {
    return asked<T>(`${this.url}${path}`, order);
  }
}

export function jobAt(status: string): Promise<Job> {
  return asked<Job>(status);
}

async function asked<T>(url: string, order: RequestInit = {}): Promise<T> {
  const answer = await fetch(url, { ...order, signal: AbortSignal.timeout(WAIT_MILLISECONDS) });
  const told: unknown = await answer.json();
  if (answer.ok) return told as T;
  const { title, detail } = told as { title?: string; detail?: string };
  throw new RelayRefusal(answer.status, [title, detail].filter(Boolean).join(": ") || String(answer.status));
}

// Whether one's own wallet could do what the relayer does not: it is gone, busy, or wants a pause.
export function isAway(error: unknown): boolean {
  if (error instanceof RelayRefusal) return error.status >= 500 || error.status === TOO_MANY;
  return error instanceof TypeError || (error as Error).name === "TimeoutError" || error instanceof SyntaxError;
}

export type SignedPayment = Authorization & {
  signature: Hex;
  quote?: string;
  fee?: Omit<Authorization, "from" | "to"> & { signature: Hex };
  activation?: Activation;
};

// Two signatures where a fee is asked: the payment, and the fee, which is collected only once the payment is made.
export async function signed(
  session: Session,
  payee: Address,
  amount: bigint,
  quote: Quote,
  activation?: Activation,
): Promise<SignedPayment> {
  const authorization = session.authorization(payee, amount, quote.nonce);
  const signature = await session.sign("token", "TransferWithAuthorization", { ...authorization });
  const payment = { ...authorization, signature, quote: quote.quote, ...(activation && { activation }) };
  if (quote.fee === "0") return payment;
  const validBefore = authorization.validBefore + BigInt(quote.fee_grace_seconds);
  const fee = { ...session.authorization(quote.collector, BigInt(quote.fee), quote.fee_nonce), validBefore };
  const feeSignature = await session.sign("token", "TransferWithAuthorization", { ...fee });
  const { from: _payer, to: _collector, ...rest } = fee;
  return { ...payment, fee: { ...rest, signature: feeSignature } };
}
