// The wallet's votes: by transaction, or by a ballot that is signed here and carried by somebody else.
import { useState } from "preact/hooks";
import type { Address } from "viem";
import { get, type Page, type Proposal, type Summary, type Vote } from "./api";
import { ProofLink, Section, useLive, useSpeech } from "./frame";
import { ProposalCard, titleOf } from "./governance";
import type { Session } from "./session";
import type { Task } from "./tasks";

const CHOICES = [
  ["for", 1],
  ["against", 0],
  ["abstain", 2],
] as const;
const UNDECIDED = ["pending", "active", "succeeded", "queued"];

interface VotesProps {
  address: Address;
  session: Session | undefined;
  summary: Summary | undefined;
  start: (task: Task) => void;
}

export function Votes({ address, session, summary, start }: VotesProps) {
  const { say } = useSpeech();
  const [proposals] = useLive(() => get<Page<Proposal>>("/v1/proposals?limit=100"), "proposals");
  const path = `/v1/accounts/${address}/votes?limit=100`;
  const [votes] = useLive(() => get<Page<Vote>>(path), path);
  const [ballot, setBallot] = useState("");
  const open = proposals?.items.filter((each) => UNDECIDED.includes(each.status)) ?? [];
  return (
    <Section id="votes" title={say("votes")} what={say("votesWhat")}>
      {open.length === 0 ? <p class="what">{say("votesNone")}</p> : null}
      <ul class="proposals">
        {open.map((proposal) => {
          const vote = votes?.items.find((each) => each.proposal === proposal.proposal);
          return (
            <li key={proposal.proposal}>
              <ProposalCard proposal={proposal} needed={summary?.governance.objections_needed ?? 0} />
              {vote ? (
                <p class="note">
                  <ProofLink transaction={vote.proof.transaction}>{say(`voted_${vote.support}`)}</ProofLink>
                </p>
              ) : session && votes && proposal.status === "active" ? (
                <Choice proposal={proposal} session={session} start={start} hand={setBallot} />
              ) : null}
            </li>
          );
        })}
      </ul>
      {ballot ? (
        <label>
          {say("ballotMade")}
          <textarea readOnly value={ballot} />
        </label>
      ) : null}
    </Section>
  );
}

interface ChoiceProps {
  proposal: Proposal;
  session: Session;
  start: (task: Task) => void;
  // Takes a signed ballot, for the voter to pass on.
  hand: (ballot: string) => void;
}

function Choice({ proposal, session, start, hand }: ChoiceProps) {
  const { say } = useSpeech();
  const [fault, setFault] = useState("");
  const [byHand, setByHand] = useState(false);
  const vote = async (name: (typeof CHOICES)[number][0], support: 0 | 1 | 2): Promise<void> => {
    setFault("");
    const told = say("say_vote", { choice: say(`vote_${name}`), title: titleOf(proposal, say) });
    try {
      const ripe = await session.read<bigint>("governor", "getVotes", [session.account, BigInt(proposal.vote_start)]);
      if (ripe === 0n) return setFault(say("notRipe"));
    } catch {
      return setFault(say("lost"));
    }
    if (byHand) {
      start({
        says: [told, say("say_ballot"), say("say_noFee")],
        work: async () => hand(JSON.stringify(await session.ballot(proposal.proposal, support), null, 1)),
      });
    } else {
      start({
        says: [told, say("say_fee")],
        work: () => session.send("governor", "castVote", [BigInt(proposal.proposal), support]),
      });
    }
  };
  return (
    <>
      <div class="row">
        {CHOICES.map(([name, support]) => (
          <button type="button" class="quiet" key={name} onClick={() => vote(name, support)}>
            {say(`vote_${name}`)}
          </button>
        ))}
      </div>
      <label class="tick">
        <input type="checkbox" checked={byHand} onChange={(event) => setByHand(event.currentTarget.checked)} />
        {say("signBallot")}
      </label>
      {fault ? (
        <p class="fault" role="alert">
          {fault}
        </p>
      ) : null}
    </>
  );
}
