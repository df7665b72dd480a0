// One connected account: what it can ask of its wallet, always on the right chain.
import type { Address, Hex } from "viem";
import { getAddress, numberToHex } from "viem/utils";
import type { Deployment } from "./api";
import { type Provider, WrongChain } from "./provider";
import { type Quote, Relayer, type SignedPayment } from "./relayer";
import { type Authorization, addressOf, decode, encode, type Role, typedData, type Verb } from "./suite";

const HOUR = 3_600;

export class Session {
  constructor(
    readonly provider: Provider,
    readonly account: Address,
    readonly deployment: Deployment,
  ) {}

  async requireChain(): Promise<void> {
    const given = Number(await this.provider.request({ method: "eth_chainId" }));
    if (given !== this.deployment.chain_id) throw new WrongChain(given);
  }

  async switchChain(): Promise<void> {
    const chainId = numberToHex(this.deployment.chain_id);
    await this.provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  }

  // Tried first: a contract that would refuse says so before anything is signed or paid.
  async send(role: Role, verb: Verb, args: readonly unknown[]): Promise<Hex> {
    await this.requireChain();
    const call = { from: this.account, to: addressOf(this.deployment, role), data: encode(verb, args) };
    await this.provider.request({ method: "eth_call", params: [call, "latest"] });
    return (await this.provider.request({ method: "eth_sendTransaction", params: [call] })) as Hex;
  }

  async read<T>(role: Role, verb: Verb, args: readonly unknown[]): Promise<T> {
    await this.requireChain();
    const call = { to: addressOf(this.deployment, role), data: encode(verb, args) };
    return decode<T>(verb, (await this.provider.request({ method: "eth_call", params: [call, "latest"] })) as Hex);
  }

  async sign(role: Role, type: Parameters<typeof typedData>[2], message: Record<string, unknown>): Promise<Hex> {
    await this.requireChain();
    const params = [this.account, typedData(this.deployment, role, type, message)];
    return (await this.provider.request({ method: "eth_signTypedData_v4", params })) as Hex;
  }

  authorization(to: Address, value: bigint, nonce: Hex, until = validUntil()): Authorization {
    return { from: this.account, to, value, validAfter: 0n, validBefore: until, nonce };
  }

  async authorize(to: Address, value: bigint, nonce: Hex, until: bigint): Promise<SignedPayment> {
    const authorization = this.authorization(to, value, nonce, until);
    return { ...authorization, signature: await this.sign("token", "TransferWithAuthorization", { ...authorization }) };
  }

  relayQuote(): Promise<Quote> {
    return this.relayer().quote(this.account);
  }

  // A signed payment, handed to the relayer that the explorer names; and another that is its fee, if it asks one.
  async relay(to: Address, value: bigint, quote: Quote): Promise<Hex> {
    const until = validUntil();
    const payment = await this.authorize(to, value, quote.nonce, until);
    const fee = BigInt(quote.fee);
    const late = until + BigInt(quote.fee_grace_seconds);
    const paid = fee ? await this.authorize(quote.collector, fee, quote.fee_nonce, late) : undefined;
    return this.relayer().carry(payment, quote, paid);
  }

  private relayer(): Relayer {
    return new Relayer(this.deployment.relayer_url ?? "");
  }
}

export function validUntil(): bigint {
  return BigInt(Math.floor(Date.now() / 1000) + HOUR);
}

// An address as a person wrote it, if its checksum holds; one in lower case has none, and passes.
export function readAddress(text: string): Address | undefined {
  const given = text.trim();
  if (!/^0x[0-9a-fA-F]{40}$/.test(given)) return undefined;
  const right = getAddress(given);
  return given === right || given === given.toLowerCase() ? right : undefined;
}
