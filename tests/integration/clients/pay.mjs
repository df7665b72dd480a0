// An independent client of SBIToken, on viem. It shares nothing with the project's Python: the ABI and the typed data
// below are written down from ERC-20, ERC-2612, ERC-3009 and ERC-5267.
//
//   node pay.mjs read|sign|pay     a JSON object on standard input, one on standard output; amounts are strings

import { readFileSync } from 'node:fs';
import { createPublicClient, createWalletClient, http, parseAbi, parseEventLogs, parseSignature } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';

const abi = parseAbi([
  'function balanceOf(address account) view returns (uint256)',
  'function totalSupply() view returns (uint256)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function authorizationState(address authorizer, bytes32 nonce) view returns (bool)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
]);

const types = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
};

async function read({ token, accounts }, chain) {
  const view = (functionName, args = []) => chain.readContract({ address: token, abi, functionName, args });
  return {
    balances: await Promise.all(accounts.map((account) => view('balanceOf', [account]))),
    totalSupply: await view('totalSupply'),
    domainSeparator: await view('DOMAIN_SEPARATOR'),
  };
}

// The domain is asked of the token itself (ERC-5267).
async function sign({ token, key, payment }, chain) {
  const { domain } = await chain.getEip712Domain({ address: token });
  const { name, version, chainId, verifyingContract } = domain;
  const signature = await privateKeyToAccount(key).signTypedData({
    domain: { name, version, chainId, verifyingContract },
    types,
    primaryType: 'TransferWithAuthorization',
    message: payment,
  });
  return { signature };
}

async function pay(order, chain) {
  const { signature } = await sign(order, chain);
  const { r, s, v } = parseSignature(signature);
  const { from, to, value, validAfter, validBefore, nonce } = order.payment;
  const relayer = createWalletClient({
    account: privateKeyToAccount(order.relayerKey),
    chain: foundry,
    transport: http(order.rpc),
  });
  const hash = await relayer.writeContract({
    address: order.token,
    abi,
    functionName: 'transferWithAuthorization',
    args: [from, to, value, validAfter, validBefore, nonce, Number(v), r, s],
  });
  const receipt = await chain.waitForTransactionReceipt({ hash, pollingInterval: 50 });
  const { blockNumber } = receipt;
  // From the node's log index, as an explorer reads them, not from the receipt.
  const logs = await chain.getLogs({ address: order.token, fromBlock: blockNumber, toBlock: blockNumber });
  const events = parseEventLogs({ abi, logs }).map(({ eventName, args }) => ({ name: eventName, ...args }));
  const spent = await chain.readContract({
    address: order.token,
    abi,
    functionName: 'authorizationState',
    args: [from, nonce],
  });
  return { signature, status: receipt.status, events, spent };
}

const verbs = { read, sign, pay };
const order = JSON.parse(readFileSync(0, 'utf8'));
const chain = createPublicClient({ chain: foundry, transport: http(order.rpc) });
const answer = await verbs[process.argv[2]](order, chain);
console.log(JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? value.toString() : value)));
