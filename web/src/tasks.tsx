// What a person asks of the wallet: said in words first, then done, then followed until it is in a block, and after: a
// reorg that takes it back is told.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Hex } from "viem";
import { get, type Page, type Said } from "./api";
import { Dialog, useLive, useSpeech } from "./frame";
import { type Fault, faultOf } from "./provider";
import { jobAt } from "./relay";
import type { Session } from "./session";
import { read, type Say, write } from "./words";

// What was handed to a relayer: where it says how that stands.
export interface Handed {
  status: string;
}

export interface Task {
  says: string[];
  // The transaction that was sent, or where a relayer tells of it; nothing where there was only something to sign.
  work: () => Promise<Hex | Handed | undefined | void>;
}

interface Sent {
  // Null until a relayer has sent it.
  transaction: Hex | null;
  status: string | null;
  // The block that it was last seen in; null before the first.
  block: number | null;
  taken: boolean;
  // Why a relayer did not make it.
  failed: string | null;
}

interface TaskList {
  start: (task: Task) => void;
  asked: Task | undefined;
  confirm: () => void;
  cancel: () => void;
  working: boolean;
  fault: Fault | undefined;
  sent: Sent[];
  session: Session | undefined;
  forget: (sent: Sent) => void;
  clearFault: () => void;
}

const MOST_KEPT = 5;

export function useTasks(session: Session | undefined): TaskList {
  const key = `sent ${session?.deployment.chain_id} ${session?.account}`;
  const [asked, setAsked] = useState<Task>();
  const [working, setWorking] = useState(false);
  const [fault, setFault] = useState<Fault>();
  const [sent, setSent] = useState<Sent[]>(() => (session ? kept(key) : []));
  const change = (next: (before: Sent[]) => Sent[]): void =>
    setSent((before) => {
      const after = next(before).slice(0, MOST_KEPT);
      write(key, JSON.stringify(after));
      return after;
    });
  useRelayed(sent, change);
  useFollowed(sent, change);
  const confirm = async (): Promise<void> => {
    const task = asked;
    setAsked(undefined);
    if (!task) return;
    setWorking(true);
    setFault(undefined);
    try {
      const done = await task.work();
      if (!done) return;
      const where = typeof done === "string" ? { transaction: done, status: null } : { transaction: null, status: done.status };
      change((before) => [{ ...where, block: null, taken: false, failed: null }, ...before]);
    } catch (error) {
      setFault(faultOf(error));
    } finally {
      setWorking(false);
    }
  };
  return {
    start: (task) => {
      setFault(undefined);
      setAsked(task);
    },
    asked,
    confirm,
    cancel: () => setAsked(undefined),
    working,
    fault,
    sent,
    session,
    forget: (gone) => change((before) => before.filter((each) => nameOf(each) !== nameOf(gone))),
    clearFault: () => setFault(undefined),
  };
}

function kept(key: string): Sent[] {
  try {
    const found = JSON.parse(read(key) ?? "[]") as Sent[];
    return found.filter((each) => /^0x[0-9a-f]{64}$/.test(each.transaction ?? "") || /^https?:/.test(each.status ?? ""));
  } catch {
    return [];
  }
}

function nameOf(sent: Sent): string {
  return sent.status ?? sent.transaction ?? "";
}

const ASK_AGAIN_MILLISECONDS = 2_000;

// What a relayer has made of what it was handed; asked until that is in a block, and again when a reorg took it back.
function useRelayed(sent: Sent[], change: (next: (before: Sent[]) => Sent[]) => void): void {
  const open = sent.filter((each) => each.status && !each.failed && (each.block === null || each.taken));
  const names = open.map(nameOf).join();
  useEffect(() => {
    if (!names) return;
    let current = true;
    const ask = async (): Promise<void> => {
      const jobs = await Promise.all(open.map((each) => jobAt(each.status ?? "").catch(() => undefined)));
      if (!current) return;
      change((before) =>
        before.map((each) => {
          const job = jobs[open.findIndex((one) => nameOf(one) === nameOf(each))];
          if (!job) return each;
          const failed = ["skipped", "expired"].includes(job.state) ? (job.reason ?? job.state) : null;
          return { ...each, transaction: job.transaction ?? each.transaction, failed };
        }),
      );
    };
    void ask();
    const timer = setInterval(ask, ASK_AGAIN_MILLISECONDS);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [names]);
}

// With each new state of the index: is it there, and is it still there?
function useFollowed(sent: Sent[], change: (next: (before: Sent[]) => Sent[]) => void): void {
  const names = sent.map((each) => each.transaction ?? "").join();
  const [found] = useLive(() => Promise.all(sent.map((each) => blockOf(each.transaction))), `sent ${names}`);
  const last = useRef("");
  useEffect(() => {
    const told = `${names} ${found?.join()}`;
    if (!found || told === last.current) return;
    last.current = told;
    change((before) =>
      before.map((each, place) => {
        const block = found[place];
        if (block === undefined || block === each.block) return each;
        return { ...each, block: block ?? each.block, taken: block === null && each.block !== null };
      }),
    );
  }, [names, found]);
}

async function blockOf(transaction: Hex | null): Promise<number | null> {
  if (!transaction) return null;
  return (await get<Page<Said>>(`/v1/transactions/${transaction}?limit=1`)).items[0]?.proof.block ?? null;
}

export function Tasks({ tasks }: { tasks: TaskList }) {
  const { say } = useSpeech();
  const { asked, fault, sent } = tasks;
  return (
    <>
      {asked ? (
        <Dialog title={say("confirmTitle")} close={tasks.cancel}>
          <div class="says">
            {asked.says.map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
          </div>
          <button type="button" class="main-button" onClick={tasks.confirm}>
            {say("confirm")}
          </button>{" "}
        </Dialog>
      ) : null}
      <div aria-live="polite">
        {tasks.working ? <p class="notice fine">{say("sending")}</p> : null}
        {fault ? <FaultNotice fault={fault} tasks={tasks} /> : null}
        {sent.map((each) => (
          <p key={nameOf(each)} class={`notice ${each.taken || each.failed ? "" : "fine"}`}>
            {told(each, say)}{" "}
            <button type="button" class="plain" onClick={() => tasks.forget(each)}>
              {say("close")}
            </button>
          </p>
        ))}
      </div>
    </>
  );
}

function FaultNotice({ fault, tasks }: { fault: Fault; tasks: TaskList }) {
  const { say } = useSpeech();
  const expected = tasks.session?.deployment.chain_id ?? 0;
  const values = { ...("reason" in fault && { reason: fault.reason }), ...("given" in fault && { given: fault.given }) };
  return (
    <p class="notice" role="alert">
      {say(fault.kind, { ...values, expected })}{" "}
      {fault.kind === "wrongChain" ? (
        <button
          type="button"
          class="quiet"
          onClick={() => tasks.session?.switchChain().then(tasks.clearFault, () => undefined)}
        >
          {say("switchChain")}
        </button>
      ) : null}
    </p>
  );
}

function told(sent: Sent, say: Say): string {
  if (sent.failed) return say("relayFailed", { reason: sent.failed });
  if (sent.taken) return say("taken");
  if (!sent.transaction) return say("handed");
  return sent.block === null ? say("sent") : say("done", { block: sent.block });
}

export function Bars({ part, label }: { part: number; label: string }) {
  return (
    <span class="meter" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * part)}>
      <i style={{ width: `${100 * part}%` }} />
    </span>
  );
}
