// What is held back, what citizens decide, and what is scheduled: on the dashboard, and in the wallet where one votes.
import type { Brake, Proposal, Summary } from "./api";
import { count, moment, output } from "./figures";
import { Address, ProofLink, Section, useSpeech } from "./frame";
import type { Language, Say } from "./words";

const MOST_SHOWN = 5;

export function Governance({ summary }: { summary: Summary }) {
  const { say, language } = useSpeech();
  const { brakes, proposals, operations, seats, halt_left, has_votes } = summary.governance;
  const scheduled = operations.filter((each) => each.status === "scheduled");
  return (
    <Section id="governance" title={say("governanceTitle")}>
      <p class="what">
        {brakes.length === 0 ? say("noBrakes") : ""} {has_votes ? say(halt_left ? "haltLeft" : "haltSpent") : ""}
      </p>
      <ul class="plain-list">
        {brakes.slice(0, MOST_SHOWN).map((brake) => (
          <li key={`${brake.kind}-${brake.subject}`} class="braked">
            <ProofLink transaction={brake.proof.transaction}>{brakeInWords(brake, say, language)}</ProofLink>{" "}
            <small>{say("brakeUntil", { time: moment(brake.until, language) })}</small>
          </li>
        ))}
      </ul>
      {has_votes ? (
        <>
          <h3>{say("proposals")}</h3>
          {proposals.length === 0 ? <p class="what">{say("proposalsNone")}</p> : null}
          <ul class="proposals">
            {proposals.map((proposal) => (
              <li key={proposal.proposal}>
                <ProposalCard proposal={proposal} needed={summary.governance.objections_needed} />
              </li>
            ))}
          </ul>
        </>
      ) : null}
      <h3>{say("scheduled")}</h3>
      {scheduled.length === 0 ? <p class="what">{say("noOperations")}</p> : null}
      <ul class="plain-list">
        {operations.slice(0, MOST_SHOWN).map((operation) => (
          <li key={operation.id}>
            <ProofLink transaction={operation.proof.transaction}>{say(`op_${operation.status}`)}</ProofLink>
            {operation.status === "scheduled" ? <small> {say("readyAt", { time: moment(operation.ready_at, language) })}</small> : null}
            <Calls calls={operation.calls} />
          </li>
        ))}
      </ul>
      {seats.length ? (
        <>
          <h3>{say("chamber")}</h3>
          <ul class="plain-list">
            {seats.map((seat) => (
              <li key={seat.name}>
                <ProofLink transaction={seat.proof.transaction}>{say(`seat_${seat.name}`)}</ProofLink> <Address address={seat.holder} />
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </Section>
  );
}

function brakeInWords(brake: Brake, say: Say, language: Language): string {
  const shown = (amount: string | null): string =>
    brake.kind === "output" ? output(amount ?? "0", language) : count(Number(amount ?? 0), language);
  return say(`brake_${brake.kind}`, { subject: brake.subject, reached: shown(brake.reached), most: shown(brake.most) });
}

function Calls({ calls }: { calls: string[] }) {
  return (
    <ul class="calls">
      {calls.map((call) => (
        <li key={call}>
          <code>{call}</code>
        </li>
      ))}
    </ul>
  );
}

const LONGEST_TITLE = 120;

// The first line of what its proposer wrote.
export function titleOf(proposal: Proposal, say: Say): string {
  const line = proposal.description.trim().split("\n", 1)[0]?.slice(0, LONGEST_TITLE);
  return line || say("untitled");
}

export function ProposalCard({ proposal, needed }: { proposal: Proposal; needed: number }) {
  const { say, language } = useSpeech();
  const tallies = [
    ["for", proposal.in_favour],
    ["against", proposal.against],
    ["abstain", proposal.abstaining],
  ] as const;
  const most = Math.max(1, proposal.quorum ?? 0, ...tallies.map(([, votes]) => votes));
  return (
    <article class="proposal">
      <h4>
        <ProofLink transaction={proposal.proof.transaction}>{titleOf(proposal, say)}</ProofLink>
      </h4>
      {proposal.description.length > titleOf(proposal, say).length ? (
        <details>
          <summary>{say("wholeText")}</summary>
          <p class="text">{proposal.description}</p>
        </details>
      ) : null}
      <p class="note">
        <b>{say(`proposal_${proposal.status}`)}</b> · {when(proposal, say, language)}
      </p>
      <Calls calls={proposal.calls} />
      <dl class="tally">
        {tallies.map(([name, votes]) => (
          <div key={name} class={name}>
            <dt>{say(`vote_${name}`)}</dt>
            <dd>
              <span class="meter" aria-hidden="true">
                <i style={{ width: `${(100 * votes) / most}%` }} />
              </span>
              {count(votes, language)}
            </dd>
          </div>
        ))}
      </dl>
      <p class="note">
        {proposal.quorum === null ? say("quorumLater") : say("quorumIs", { quorum: count(proposal.quorum, language) })}
        {proposal.objections ? ` ${say("objectionsAre", { count: proposal.objections, needed })}` : ""}
      </p>
    </article>
  );
}

function when(proposal: Proposal, say: Say, language: Language): string {
  if (proposal.status === "pending") return say("votingBegins", { time: moment(proposal.vote_start, language) });
  if (proposal.status === "queued") return say("readyAt", { time: moment(proposal.ready_at ?? 0, language) });
  return say(proposal.status === "active" ? "votingEnds" : "votingEnded", { time: moment(proposal.vote_end, language) });
}
