// The explorer's own API: its answers by type, and its pulse. The types follow `sbi_network/explorer/models.py`.
export interface Place {
  block: number;
  log_index: number;
  transaction: string;
}
export interface Tip {
  block: number;
  hash: string | null;
  timestamp: number;
  events: number;
}
export interface Report {
  signers: number[];
  oracles: number;
  weights: number[];
  facility_count: number;
  root: string;
  raw: string[];
  reported_output: string;
  public_output: string;
  accepted_at: number;
  disputable_until: number;
  demands: number;
  readings_known: boolean;
  proof: Place;
}
export interface Dividend {
  entitlement: string;
  issued: string;
  dividend: string;
  headcount: number;
  reserve: string;
  distributed_at: number;
  proof: Place;
}
export interface Flow {
  recycled: string;
  recirculated: string;
  payments: number;
  volume: string;
  bought: string;
  delivered: string;
}
export type EpochStatus =
  | "running"
  | "open"
  | "pending"
  | "final"
  | "distributed"
  | "skipped"
  | "void"
  | "expired";
export interface Epoch {
  epoch: number;
  starts_at: number;
  ends_at: number;
  status: EpochStatus;
  report: Report | null;
  dividend: Dividend | null;
  flow: Flow;
}
export interface Oracle {
  number: number;
  address: string;
  stands: boolean;
  slashed: boolean;
  bond: string;
  signed: number;
  last_epoch: number | null;
  recent: boolean[];
  late: boolean;
  proof: Place | null;
}
export interface Facility {
  facility: number;
  operator: string;
  region: number;
  active: boolean;
  capacities: string[];
  public_share_bps: number;
  latest_epoch: number | null;
  latest_raw: string[];
  latest_output: string | null;
  proof: Place;
  terms_proof: Place | null;
}
export type ProposalStatus =
  | "pending"
  | "active"
  | "defeated"
  | "succeeded"
  | "queued"
  | "expired"
  | "executed"
  | "cancelled";
export interface Proposal {
  proposal: string;
  proposer: string;
  description: string;
  calls: string[];
  status: ProposalStatus;
  vote_start: number;
  vote_end: number;
  against: number;
  in_favour: number;
  abstaining: number;
  quorum: number | null;
  objections: number;
  ready_at: number | null;
  proof: Place;
}
export interface Vote {
  proposal: string;
  voter: string;
  support: 0 | 1 | 2;
  weight: number;
  proof: Place;
}
export interface Brake {
  kind: "halt" | "output" | "region";
  subject: number;
  reached: string | null;
  most: string | null;
  until: number;
  proof: Place;
}
export interface Summary {
  tip: Tip;
  clock: { genesis: number; epoch_length: number; report_window: number; dispute_window: number; epoch: number };
  totals: {
    supply: string;
    issued: string;
    recycled: string;
    recirculated: string;
    reserve: string;
    escrow: string;
    dividend_index: string;
    headcount: number;
    activated: number;
    payments: number;
    next_epoch: number;
    parity: string | null;
    proofs: Record<string, Place>;
  };
  running: Epoch;
  reported: Epoch | null;
  distributed: Epoch | null;
  recent: Epoch[];
  classes: { compute_class: 0 | 1 | 2; capacity: string; used: string; proof: Place | null }[];
  facilities: Facility[];
  regions: { region: number; headcount: number; cap: number; facilities: number; output: string; proof: Place }[];
  oracles: Oracle[];
  quorum: number;
  quorum_proof: Place | null;
  demands: { epoch: number; position: number; status: "open" | "revealed" | "lapsed" | "refunded"; proof: Place }[];
  faults: Said[];
  governance: {
    has_votes: boolean;
    halt_left: boolean;
    objections_needed: number;
    proposals: Proposal[];
    operations: {
      id: string;
      calls: string[];
      ready_at: string;
      status: "scheduled" | "executed" | "cancelled";
      proof: Place;
    }[];
    brakes: Brake[];
    seats: { name: Seat; holder: string; proof: Place }[];
  };
}
export type Seat = "operators" | "oracles" | "registrars" | "civil_society";
export interface Said {
  role: string;
  name: string;
  args: Record<string, unknown>;
  cut: boolean;
  timestamp: number;
  proof: Place;
}
export interface Reading {
  epoch: number;
  facility: number;
  raw: string[];
  public_output: string;
  digest: string;
  facility_count: number;
  root: string;
  siblings: { hash: string; sums: string }[];
}
export interface Account {
  tip: Tip;
  address: string;
  balance: string;
  settled: string;
  accruing: boolean;
  since: number;
  until: number;
  batch: number | null;
  leaf: number | null;
  region: number | null;
  successor: string | null;
  received: string;
  act: { kind: 1 | 2; due_at: number } | null;
}
export type EntryKind =
  | "dividend"
  | "paid"
  | "paid_self"
  | "received"
  | "bought"
  | "refunded"
  | "fee"
  | "paid_out"
  | "recycled"
  | "recirculated"
  | "earlier";
export interface Entry {
  kind: EntryKind;
  amount: string;
  counterparty: string | null;
  relayed: boolean;
  epoch: number | null;
  timestamp: number;
  proof: Place;
}
export interface Voucher {
  voucher: number;
  facility: number;
  compute_class: 0 | 1 | 2;
  epoch: number;
  units: string;
  delivered: string;
  price: string;
  transfer_count: number;
  expires_at: number;
  status: "open" | "delivered" | "expired" | "refunded";
  proof: Place;
}
export interface Offer {
  facility: number;
  compute_class: 0 | 1 | 2;
  epoch: number;
  offered: string;
  sold: string;
}
export interface Deployment {
  chain_id: number;
  genesis: number;
  contracts: { role: string; contract: string; address: `0x${string}` }[];
  has_votes: boolean;
  wallet_rpc_url: string | null;
  relayer_url: string | null;
}
export interface Page<T> {
  items: T[];
  next: string | null;
  block: number;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

export async function get<T>(path: string): Promise<T> {
  const answer = await fetch(path, { signal: AbortSignal.timeout(15_000) });
  const body: unknown = await answer.json();
  if (!answer.ok) throw new ApiError(answer.status, (body as { detail?: string }).detail ?? answer.statusText);
  return body as T;
}

const REOPEN_SECONDS = 5;

// Calls `hear` for each new state of the index, and `lose` while there is no connection. Pages do not all ask at once.
export function listen(hear: (tip: Tip) => void, lose: () => void): () => void {
  let source: EventSource;
  let waiting = 0;
  let reopening = 0;
  const open = (): void => {
    source = new EventSource("/v1/stream");
    source.addEventListener("pulse", (message: MessageEvent<string>) => {
      clearTimeout(waiting);
      waiting = window.setTimeout(() => hear(JSON.parse(message.data) as Tip), Math.random() * 300);
    });
    source.addEventListener("error", () => {
      lose();
      // A connection that broke the browser opens again by itself, one that was refused it does not.
      if (source.readyState === EventSource.CLOSED) reopening = window.setTimeout(open, REOPEN_SECONDS * 1000);
    });
  };
  open();
  return () => {
    clearTimeout(waiting);
    clearTimeout(reopening);
    source.close();
  };
}
