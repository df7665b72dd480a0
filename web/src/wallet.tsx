import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Address, Hex } from "viem";
import { Bars, type Task, Tasks, useTasks } from "./tasks";
import {
  type Account,
  type Deployment,
  type Entry,
  get,
  type Offer,
  type Page,
  type Summary,
  type Voucher,
} from "./api";
import { moment, output, sbi, sbiExact, short } from "./figures";
import { Frame, ProofLink, Section, useLive, useSpeech } from "./frame";
import { findWallets, nodeProvider, type Offered } from "./provider";
import { Pay, PayForm } from "./pay";
import type { Activation } from "./relay";
import { readAddress, Session } from "./session";
import { addressOf, newNonce } from "./suite";
import { Votes } from "./votes";
import type { Key, Say } from "./words";

function Wallet() {
  const { say } = useSpeech();
  const [deployment, failure] = useLive(() => get<Deployment>("/v1/deployment"), "deployment");
  const [session, setSession] = useState<Session>();
  const [watched, setWatched] = useState<Address>();
  useEffect(() => {
    if (!session) return;
    const leave = (): void => setSession(undefined);
    session.provider.on?.("accountsChanged", leave);
    return () => session.provider.removeListener?.("accountsChanged", leave);
  }, [session]);
  const address = session?.account ?? watched;
  return (
    <>
      <h1>{say("wallet")}</h1>
      <p class="lead">{say("walletLead")}</p>
      {failure ? <p class="notice">{say("failed", { reason: failure })}</p> : null}
      {deployment && !address ? <Connect deployment={deployment} connect={setSession} watch={setWatched} /> : null}
      {deployment && address ? (
        <Purse
          key={address}
          address={address}
          session={session}
          deployment={deployment}
          leave={() => {
            setSession(undefined);
            setWatched(undefined);
          }}
        />
      ) : null}
    </>
  );
}

interface ConnectProps {
  deployment: Deployment;
  connect: (session: Session) => void;
  watch: (address: Address) => void;
}

function Connect({ deployment, connect, watch }: ConnectProps) {
  const { say } = useSpeech();
  const [wallets, setWallets] = useState<Offered[]>([]);
  const [developers, setDevelopers] = useState<Address[]>([]);
  const [fault, setFault] = useState("");
  const [text, setText] = useState("");
  useEffect(() => findWallets(setWallets), []);
  useEffect(() => {
    if (!deployment.wallet_rpc_url) return;
    const node = nodeProvider(deployment.wallet_rpc_url);
    node.request({ method: "eth_accounts" }).then(
      (accounts) => setDevelopers((accounts as string[]).map(readAddress).filter((each) => each !== undefined)),
      () => setDevelopers([]),
    );
  }, [deployment.wallet_rpc_url]);
  const choose = async (wallet: Offered): Promise<void> => {
    try {
      const accounts = (await wallet.provider.request({ method: "eth_requestAccounts" })) as string[];
      const account = readAddress(accounts[0] ?? "");
      if (account) connect(new Session(wallet.provider, account, deployment));
    } catch (error) {
      setFault(say((error as { code?: number }).code === 4001 ? "rejected" : "lost"));
    }
  };
  return (
    <div class="purse">
      <Section id="connect" title={say("connect")} what={say("connectWhat")}>
        {wallets.length === 0 ? <p class="what">{say("noWallets")}</p> : null}
        <div class="choices">
          {wallets.map((wallet) => (
            <button type="button" key={wallet.id} onClick={() => choose(wallet)}>
              {wallet.icon ? <img src={wallet.icon} alt="" /> : null}
              {wallet.name}
            </button>
          ))}
        </div>
        {fault ? (
          <p class="fault" role="alert">
            {fault}
          </p>
        ) : null}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const address = readAddress(text);
            if (address) watch(address);
            else setFault(say("badAddress"));
          }}
        >
          <label>
            {say("watchOnly")}
            <input value={text} onInput={(event) => setText(event.currentTarget.value)} autocomplete="off" spellcheck={false} />
          </label>
          <button type="submit" class="quiet">
            {say("watch")}
          </button>
        </form>
      </Section>
      {deployment.wallet_rpc_url && developers.length ? (
        <Section id="developers" title={say("devAccounts")} what={say("devWhat")}>
          <div class="choices">
            {developers.map((account) => (
              <button
                type="button"
                key={account}
                onClick={() => connect(new Session(nodeProvider(deployment.wallet_rpc_url ?? ""), account, deployment))}
              >
                <code>{account}</code>
              </button>
            ))}
          </div>
        </Section>
      ) : null}
    </div>
  );
}

interface PurseProps {
  address: Address;
  session: Session | undefined;
  deployment: Deployment;
  leave: () => void;
}

function Purse({ address, session, deployment, leave }: PurseProps) {
  const { say, language } = useSpeech();
  const [account, failure] = useLive(() => get<Account>(`/v1/accounts/${address}`), address);
  const [summary] = useLive(() => get<Summary>("/v1/summary"), "summary");
  const tasks = useTasks(session);
  return (
    <>
      <p class="who">
        {say(session ? "connectedAs" : "watching")} <code>{address}</code>
        <button type="button" class="plain" onClick={leave}>
          {say("disconnect")}
        </button>
      </p>
      {failure ? <p class="notice">{say("failed", { reason: failure })}</p> : null}
      <Tasks tasks={tasks} />
      <div class="purse">
        {account ? <Balance account={account} summary={summary} tasks={session ? tasks : undefined} session={session} /> : null}
        <div class="stack">
          {session && account && !account.since ? <Activate session={session} start={tasks.start} isNew /> : null}
          {session && account ? <Pay session={session} balance={BigInt(account.balance)} start={tasks.start} /> : null}
          {session ? <Buy session={session} start={tasks.start} /> : null}
          <Vouchers address={address} session={session} start={tasks.start} />
          {deployment.has_votes ? (
            <Votes address={address} session={session} summary={summary} start={tasks.start} />
          ) : null}
          {session && account?.since ? <Activate session={session} start={tasks.start} isNew={false} /> : null}
        </div>
        <div class="stack">
          <History address={address} />
        </div>
      </div>
      <p class="hidden" role="status">
        {account ? sbi(account.balance, language) : ""}
      </p>
    </>
  );
}

interface BalanceProps {
  account: Account;
  summary: Summary | undefined;
  tasks: { start: (task: Task) => void } | undefined;
  session: Session | undefined;
}

function Balance({ account, summary, tasks, session }: BalanceProps) {
  const { say, language } = useSpeech();
  const act = account.act;
  return (
    <Section id="balance" title={say("balance")}>
      <p class="figure">
        <Growing wei={BigInt(account.balance)} />
      </p>
      {account.accruing && summary ? <Expected summary={summary} /> : null}
      <p class="what">
        {account.accruing
          ? say("incomeRuns")
          : account.until
            ? say("incomeEnded", { time: moment(account.until, language) })
            : say("incomeNever")}
        {account.successor ? ` ${say("successorIs", { account: short(account.successor) })}` : ""}
      </p>
      {account.received === "0" ? null : <p class="note">{say("receivedEver", { amount: sbi(account.received, language) })}</p>}
      {act ? (
        <p class="notice" role="alert">
          {say("actPending", { what: say(`act_${act.kind}`), time: moment(act.due_at, language) })}{" "}
          {tasks && session ? (
            <button
              type="button"
              class="quiet"
              onClick={() =>
                tasks.start({
                  says: [say("say_object"), say("say_fee")],
                  work: () => session.send("citizens", "objectTo", [account.batch, account.leaf, account.address, "0x"]),
                })
              }
            >
              {say("object")}
            </button>
          ) : null}
        </p>
      ) : null}
    </Section>
  );
}

const GROWING_MILLISECONDS = 1_200;

// Counts up to a new balance, so that income is seen to come in. Falls at once.
function Growing({ wei }: { wei: bigint }) {
  const { language } = useSpeech();
  const [shown, setShown] = useState(wei);
  const before = useRef(wei);
  useEffect(() => {
    const from = before.current;
    before.current = wei;
    if (wei <= from || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      setShown(wei);
      return;
    }
    const began = performance.now();
    let frame = requestAnimationFrame(function grow(now) {
      const part = Math.min(1, (now - began) / GROWING_MILLISECONDS);
      setShown(part === 1 ? wei : from + ((wei - from) * BigInt(Math.round(part * 1000))) / 1000n);
      if (part < 1) frame = requestAnimationFrame(grow);
    });
    return () => cancelAnimationFrame(frame);
  }, [wei]);
  return <span data-wei={wei.toString()}>{sbi(shown, language)}</span>;
}

// What the running epoch has brought so far, if it were to bring what the last one did: an estimate, and called one.
function Expected({ summary }: { summary: Summary }) {
  const { say, language } = useSpeech();
  const [, turn] = useState(0);
  const heard = useRef({ at: performance.now(), block: -1 });
  if (heard.current.block !== summary.tip.block) heard.current = { at: performance.now(), block: summary.tip.block };
  useEffect(() => {
    const timer = setInterval(() => turn((count) => count + 1), 250);
    return () => clearInterval(timer);
  }, []);
  const last = summary.distributed?.dividend;
  if (!last) return null;
  const length = summary.clock.epoch_length;
  const passed = summary.tip.timestamp - summary.running.starts_at + (performance.now() - heard.current.at) / 1000;
  const part = Math.min(1, Math.max(0, passed / length));
  const amount = (BigInt(last.dividend) * BigInt(Math.round(part * 10_000))) / 10_000n;
  return (
    <>
      <p class="note">{say("expected", { amount: sbi(amount, language) })}</p>
      <Bars part={part} label={say("epochRuns", { percent: `${Math.round(part * 100)} %` })} />
    </>
  );
}

function History({ address }: { address: Address }) {
  const { say, language } = useSpeech();
  const [limit, setLimit] = useState(10);
  const path = `/v1/accounts/${address}/history?limit=${limit}`;
  const [page] = useLive(() => get<Page<Entry>>(path), path);
  const kept = useRef<Page<Entry>>();
  if (page) kept.current = page;
  const shown = page ?? kept.current;
  return (
    <Section id="history" title={say("history")}>
      {shown?.items.length === 0 ? <p class="what">{say("historyNone")}</p> : null}
      <ul class="history">
        {shown?.items.map((entry) => (
          <li key={`${entry.proof.block}-${entry.proof.log_index}`}>
            <span>
              <ProofLink transaction={entry.proof.transaction}>{explained(entry, say)}</ProofLink>
              <small>
                {moment(entry.timestamp, language)}
                {entry.relayed ? ` · ${say("bySignature")}` : ""}
              </small>
            </span>
            <span class={`amount ${entry.amount.startsWith("-") ? "out" : "in"}`}>
              {entry.amount.startsWith("-") ? "" : "+"}
              {sbi(entry.amount, language)}
            </span>
          </li>
        ))}
      </ul>
      {shown?.next && limit < 100 ? (
        <button type="button" class="quiet" onClick={() => setLimit(Math.min(100, limit + 30))}>
          {say("more")}
        </button>
      ) : null}
    </Section>
  );
}

function explained(entry: Entry, say: Say): string {
  return say(`h_${entry.kind}`, { epoch: entry.epoch ?? "", who: entry.counterparty ? short(entry.counterparty) : "" });
}

interface ActionProps {
  session: Session;
  start: (task: Task) => void;
}

function Fault({ text }: { text: string }) {
  return text ? (
    <p class="fault" role="alert">
      {text}
    </p>
  ) : null;
}

interface LeafProof {
  batch: number;
  index: number;
  account: Address;
  person: Hex;
  proof: Hex[];
}

function leafOf({ batch, index, person, proof }: LeafProof): Activation {
  return { batch, index, person, proof };
}

const LONGEST_PROOF = 10_000;
const WORD = /^0x[0-9a-fA-F]{64}$/;

// What a registrar hands a citizen; undefined for anything else.
function readProof(text: string): LeafProof | undefined {
  if (text.length > LONGEST_PROOF) return undefined;
  try {
    const given = JSON.parse(text) as Record<string, unknown>;
    const { batch, index, person, proof } = given;
    const account = readAddress(String(given["account"]));
    const numbers = [batch, index].every((each) => Number.isInteger(each) && Number(each) >= 0);
    const words = Array.isArray(proof) && [person, ...proof].every((each) => WORD.test(String(each)));
    if (!account || !numbers || !words) return undefined;
    return { batch: Number(batch), index: Number(index), account, person: person as Hex, proof: proof as Hex[] };
  } catch {
    return undefined;
  }
}

function Activate({ session, start, isNew }: ActionProps & { isNew: boolean }) {
  const { say } = useSpeech();
  const [text, setText] = useState("");
  const [fault, setFault] = useState("");
  const activate = (event: Event): void => {
    event.preventDefault();
    const proof = readProof(text);
    if (!proof) return setFault(say("badProof"));
    setFault("");
    const { batch, index, account, person } = proof;
    start({
      says: [say("say_activate", { batch, index, who: account }), say("say_fee")],
      work: () => session.send("citizens", "activate", [batch, index, account, person, proof.proof]),
    });
  };
  // Without ether: a relayer sends the proof along with one's first payment.
  const proof = isNew && session.deployment.relayer_url ? readProof(text) : undefined;
  const own = proof?.account === session.account ? leafOf(proof) : undefined;
  return (
    <Section id="activate" title={say("activate")} what={say("activateWhat")}>
      <form onSubmit={activate}>
        <label>
          {say("proof")}
          <textarea value={text} onInput={(event) => setText(event.currentTarget.value)} spellcheck={false} />
        </label>
        <Fault text={fault} />
        <button type="submit" class="main-button">
          {say("activate")}
        </button>
      </form>
      {own ? (
        <>
          <h3>{say("activateAndPay")}</h3>
          <p class="what">{say("activateAndPayWhat")}</p>
          <PayForm session={session} balance={undefined} activation={own} start={start} />
        </>
      ) : null}
    </Section>
  );
}

function Buy({ session, start }: ActionProps) {
  const { say, language } = useSpeech();
  const [page] = useLive(() => get<Page<Offer>>("/v1/offers"), "offers");
  const [units, setUnits] = useState("1");
  const [fault, setFault] = useState("");
  const buy = async (offer: Offer): Promise<void> => {
    const most = BigInt(offer.offered) - BigInt(offer.sold);
    const wanted = /^\d{1,20}$/.test(units.trim()) ? BigInt(units.trim()) : 0n;
    if (wanted < 1n || wanted > most) return setFault(say("badUnits", { most: most.toString() }));
    setFault("");
    const place = [BigInt(offer.facility), BigInt(offer.compute_class), BigInt(offer.epoch), wanted] as const;
    try {
      const price = await session.read<bigint>("exchange", "priceOf", [place[1], wanted]);
      start({
        says: [
          say("say_buySign", { amount: sbiExact(price, language) }),
          say("say_buySend", {
            units: output(wanted, language),
            class: say(`class${offer.compute_class}`),
            facility: offer.facility,
            epoch: offer.epoch,
          }),
          say("say_fee"),
        ],
        work: () => buySigned(session, place, price),
      });
    } catch {
      setFault(say("lost"));
    }
  };
  return (
    <Section id="computing" title={say("computing")}>
      {page?.items.length ? (
        <label>
          {say("units")}
          <input value={units} onInput={(event) => setUnits(event.currentTarget.value)} inputMode="numeric" />
        </label>
      ) : (
        <p class="what">{say("offersNone")}</p>
      )}
      <Fault text={fault} />
      <ul class="history">
        {page?.items.slice(0, 20).map((offer) => (
          <li key={`${offer.facility}-${offer.compute_class}-${offer.epoch}`}>
            <span>
              {say("offer", {
                facility: offer.facility,
                class: say(`class${offer.compute_class}`),
                epoch: offer.epoch,
                left: output(BigInt(offer.offered) - BigInt(offer.sold), language),
              })}
            </span>
            <button type="button" class="quiet" onClick={() => buy(offer)}>
              {say("buy")}
            </button>
          </li>
        ))}
      </ul>
    </Section>
  );
}

async function buySigned(session: Session, place: readonly bigint[], price: bigint): Promise<Hex> {
  const salt = newNonce();
  const nonce = await session.read<Hex>("exchange", "purchaseNonce", [...place, salt]);
  const authorization = session.authorization(addressOf(session.deployment, "exchange"), price, nonce);
  const signature = await session.sign("token", "ReceiveWithAuthorization", { ...authorization });
  return session.send("exchange", "buyWithAuthorization", [...place, salt, { ...authorization, signature }]);
}

interface VouchersProps {
  address: Address;
  session: Session | undefined;
  start: (task: Task) => void;
}

function Vouchers({ address, session, start }: VouchersProps) {
  const { say, language } = useSpeech();
  const path = `/v1/accounts/${address}/vouchers?limit=50`;
  const [page] = useLive(() => get<Page<Voucher>>(path), path);
  const [receipt, setReceipt] = useState("");
  const sign = (voucher: Voucher): void => {
    const message = {
      voucher: voucher.voucher,
      holder: address,
      transferCount: voucher.transfer_count,
      delivered: BigInt(voucher.units),
    };
    start({
      says: [say("say_receipt", { units: output(voucher.units, language), voucher: voucher.voucher }), say("say_noFee")],
      work: async () => {
        const signature = await session?.sign("exchange", "Receipt", message);
        setReceipt(JSON.stringify({ ...message, delivered: voucher.units, signature }));
        return undefined;
      },
    });
  };
  const refund = (voucher: Voucher): void =>
    start({
      says: [say("say_refund", { voucher: voucher.voucher }), say("say_fee")],
      work: async () => session?.send("exchange", "refund", [BigInt(voucher.voucher)]),
    });
  return (
    <Section id="vouchers" title={say("vouchers")}>
      {page?.items.length === 0 ? <p class="what">{say("vouchersNone")}</p> : null}
      <ul class="history">
        {page?.items.map((voucher) => (
          <li key={voucher.voucher}>
            <span>
              <ProofLink transaction={voucher.proof.transaction}>
                {say("voucher", {
                  voucher: voucher.voucher,
                  units: output(voucher.units, language),
                  facility: voucher.facility,
                  epoch: voucher.epoch,
                })}
              </ProofLink>
              <small>{say(`v_${voucher.status}` as Key, { delivered: output(voucher.delivered, language) })}</small>
            </span>
            {session && voucher.status === "open" ? (
              <button type="button" class="quiet" onClick={() => sign(voucher)}>
                {say("signReceipt")}
              </button>
            ) : null}
            {session && voucher.status === "expired" ? (
              <button type="button" class="quiet" onClick={() => refund(voucher)}>
                {say("refund")}
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      {receipt ? (
        <label>
          {say("receiptMade")}
          <textarea readOnly value={receipt} />
        </label>
      ) : null}
    </Section>
  );
}


const app = document.getElementById("app");
if (app)
  render(
    <Frame page="wallet">
      <Wallet />
    </Frame>,
    app,
  );
