// The suite's contracts, as far as the wallet speaks to them: calls, and what is signed (docs/protocol.md).
import type { Address, Hex } from "viem";
import { decodeErrorResult, decodeFunctionResult, encodeFunctionData, parseAbi } from "viem/utils";
import type { Deployment } from "./api";

const AUTHORIZATION =
  "struct Authorization { address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce; bytes signature; }";

export const ABI = parseAbi([
  AUTHORIZATION,
  "function transfer(address to, uint256 amount) returns (bool)",
  "function transferWithAuthorization(Authorization authorization)",
  "function activate(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] proof)",
  "function activateAndPay(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] proof, Authorization payment)",
  "function objectTo(uint256 batch, uint256 index, address account, bytes signature)",
  "function priceOf(uint256 computeClass, uint256 units) view returns (uint256)",
  "function purchaseNonce(uint256 facility, uint256 computeClass, uint256 epoch, uint256 units, bytes32 salt) view returns (bytes32)",
  "function buyWithAuthorization(uint256 facility, uint256 computeClass, uint256 epoch, uint256 units, bytes32 salt, Authorization payment) returns (uint256 voucher)",
  "function refund(uint256 voucher)",
  "function castVote(uint256 proposalId, uint8 support) returns (uint256)",
  "function nonces(address owner) view returns (uint256)",
  "function getVotes(address account, uint256 timepoint) view returns (uint256)",
  "error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)",
  "error AuthorizationUsedOrCanceled(address authorizer, bytes32 nonce)",
  "error AuthorizationExpired(uint256 validBefore, uint256 time)",
  "error InvalidSignature(address expected, address recovered)",
  "error AlreadyActivated(address account, uint256 since)",
  "error InvalidProof(bytes32 computed, bytes32 expected)",
  "error LeafUsed(uint256 batch, uint256 index)",
  "error UnknownBatch(uint256 batch, uint256 batches)",
  "error IndexOutOfBatch(uint256 index, uint256 size)",
  "error NotOnOffer(uint256 given, uint256 remaining)",
  "error PaymentNotPrice(uint256 given, uint256 price)",
  "error EpochOver(uint256 epoch, uint256 current)",
  "error VoucherNotExpired(uint256 voucher, uint256 expiry, uint256 time)",
  "error ObjectionTooLate(uint256 dueAt, uint256 time)",
  "error GovernorAlreadyCastVote(address voter)",
  "error GovernorUnexpectedProposalState(uint256 proposalId, uint8 current, bytes32 expectedStates)",
]);

export type Role = "token" | "citizens" | "exchange" | "governor";
export type Verb = Extract<(typeof ABI)[number], { type: "function" }>["name"];

export function addressOf(deployment: Deployment, role: Role): Address {
  const found = deployment.contracts.find((contract) => contract.role === role);
  if (!found) throw new Error(`no ${role}`);
  return found.address;
}

export function encode(functionName: Verb, args: readonly unknown[]): Hex {
  return encodeFunctionData({ abi: ABI, functionName, args } as Parameters<typeof encodeFunctionData>[0]);
}

export function decode<T>(functionName: Verb, data: Hex): T {
  return decodeFunctionResult({ abi: ABI, functionName, data } as Parameters<typeof decodeFunctionResult>[0]) as T;
}

// The name of a contract's error; undefined where it is none of those above.
export function errorName(data: unknown): string | undefined {
  if (typeof data !== "string" || !data.startsWith("0x") || data.length < 10) return undefined;
  try {
    return decodeErrorResult({ abi: ABI, data: data as Hex }).errorName;
  } catch {
    return data.slice(0, 10);
  }
}

export interface Authorization {
  from: Address;
  to: Address;
  value: bigint;
  validAfter: bigint;
  validBefore: bigint;
  nonce: Hex;
}

const PAYMENT = [
  { name: "from", type: "address" },
  { name: "to", type: "address" },
  { name: "value", type: "uint256" },
  { name: "validAfter", type: "uint256" },
  { name: "validBefore", type: "uint256" },
  { name: "nonce", type: "bytes32" },
];
const TYPES = {
  TransferWithAuthorization: PAYMENT,
  ReceiveWithAuthorization: PAYMENT,
  Receipt: [
    { name: "voucher", type: "uint256" },
    { name: "holder", type: "address" },
    { name: "transferCount", type: "uint256" },
    { name: "delivered", type: "uint256" },
  ],
  Ballot: [
    { name: "proposalId", type: "uint256" },
    { name: "support", type: "uint8" },
    { name: "voter", type: "address" },
    { name: "nonce", type: "uint256" },
  ],
} as const;
const NAMES: Record<Role, string> = {
  token: "Smart Basic Income",
  citizens: "CitizenRegistry",
  exchange: "ComputeExchange",
  governor: "SuiteGovernor",
};

// What a wallet is asked to sign, as EIP-712 has it in JSON.
export function typedData(
  deployment: Deployment,
  role: Role,
  primaryType: keyof typeof TYPES,
  message: Record<string, unknown>,
): string {
  const domain = {
    name: NAMES[role],
    version: "1",
    chainId: deployment.chain_id,
    verifyingContract: addressOf(deployment, role),
  };
  const types = {
    EIP712Domain: [
      { name: "name", type: "string" },
      { name: "version", type: "string" },
      { name: "chainId", type: "uint256" },
      { name: "verifyingContract", type: "address" },
    ],
    [primaryType]: TYPES[primaryType],
  };
  const plain = (_: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);
  return JSON.stringify({ domain, types, primaryType, message }, plain);
}

export function newNonce(): Hex {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `0x${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
