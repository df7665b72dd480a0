// One connected account: what it can ask of its wallet, always on the right chain.
import type { Address, Hex } from "viem";
import { getAddress, numberToHex } from "viem/utils";
import type { Deployment } from "./api";
import { type Provider, WrongChain } from "./provider";
import { type Authorization, addressOf, decode, encode, newNonce, type Role, typedData, type Verb } from "./suite";

const HOUR = 3_600;
const SUPPORT = ["against", "for", "abstain"] as const;

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

  authorization(to: Address, value: bigint, nonce: Hex = newNonce()): Authorization {
    return { from: this.account, to, value, validAfter: 0n, validBefore: validUntil(), nonce };
  }

  // A signed vote in the form that `sbi govern carry` takes.
  async ballot(proposal: string, support: 0 | 1 | 2): Promise<Record<string, unknown>> {
    const nonce = Number(await this.read<bigint>("governor", "nonces", [this.account]));
    const message = { proposalId: proposal, support, voter: this.account, nonce };
    const signature = await this.sign("governor", "Ballot", message);
    const where = { chainId: this.deployment.chain_id, governor: addressOf(this.deployment, "governor") };
    return { ...where, ...message, support: SUPPORT[support], signature };
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
