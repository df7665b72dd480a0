// The loop at a glance: four steps around one epoch, with the figures that move from each to the next.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Summary } from "./api";
import { count, output, sbi, span } from "./figures";
import { ProofLink, useSpeech } from "./frame";

const RADIUS = 86;
const ROUND = 2 * Math.PI * RADIUS;
const STEPS = ["monitor", "calculate", "distribute", "recycle"] as const;
const DOTS = 3;

// The chain's time now: its last block's, and what has passed here since that was heard of.
function useChainTime(timestamp: number): number {
  const [passed, setPassed] = useState(0);
  useEffect(() => {
    const heard = performance.now();
    setPassed(0);
    const timer = setInterval(() => setPassed((performance.now() - heard) / 1000), 1000);
    return () => clearInterval(timer);
  }, [timestamp]);
  return timestamp + passed;
}

export function Ring({ summary }: { summary: Summary }) {
  const { say, language } = useSpeech();
  const { running, reported, distributed, totals, clock, tip } = summary;
  const now = useChainTime(tip.timestamp);
  const length = clock.epoch_length;
  const over = Math.min(1, Math.max(0, (now - running.starts_at) / length));
  const report = reported?.report;
  const dividend = distributed?.dividend;
  return (
    <div class="loop" role="group" aria-label={say("ringLabel")}>
      <div class="ring">
        <svg viewBox="0 0 200 200" aria-hidden="true">
          <circle class="track" cx="100" cy="100" r={RADIUS} />
          <circle
            class="over"
            cx="100"
            cy="100"
            r="72"
            pathLength="1"
            stroke-dasharray={`${over} 1`}
            transform="rotate(-90 100 100)"
          />
          {STEPS.map((step, place) => (
            <circle
              key={step}
              class={`arc ${step}`}
              cx="100"
              cy="100"
              r={RADIUS}
              stroke-dasharray={`${ROUND / 4 - 26} ${ROUND}`}
              transform={`rotate(${place * 90 - 45 + 8.7} 100 100)`}
            />
          ))}
          <g class="dots">
            {Array.from({ length: 4 * DOTS }, (_, place) => (
              <circle key={place} cx={100 + RADIUS} cy="100" r="2.6" transform={`rotate(${(place * 90) / DOTS} 100 100)`} />
            ))}
          </g>
          {STEPS.map((step, place) => (
            <g key={step} class={`station ${step}`} transform={`rotate(${place * 90 - 45} 100 100) translate(${100 + RADIUS} 100)`}>
              <circle r="10" />
              <text transform={`rotate(${45 - place * 90})`} y="3.6">
                {place + 1}
              </text>
            </g>
          ))}
        </svg>
        <div class="hub">
          <span>{say("epoch", { epoch: running.epoch })}</span>
          <strong>
            {dividend ? <ProofLink transaction={dividend.proof.transaction}>{sbi(dividend.dividend, language, 2)}</ProofLink> : say("notYet")}
          </strong>
          <span>{say("each")}</span>
          <small>{say("epochEnds", { time: span(running.ends_at - now, say) })}</small>
        </div>
      </div>
      <Step
        place={1}
        step="monitor"
        figure={report && <ProofLink transaction={report.proof.transaction}>{output(report.public_output, language)}</ProofLink>}
        of={reported?.epoch}
        note={say("publicOutput")}
        detail={
          report && (
            <ProofLink transaction={report.proof.transaction}>
              {say("signedBy", { signed: report.signers.length, all: report.oracles })}
            </ProofLink>
          )
        }
      />
      <Step
        place={2}
        step="calculate"
        figure={dividend && <ProofLink transaction={dividend.proof.transaction}>{sbi(dividend.entitlement, language, 2)}</ProofLink>}
        of={distributed?.epoch}
        note={say("entitlement")}
        detail={
          totals.parity && (
            <ProofLink transaction={dividend?.proof.transaction}>{`${say("parity")} ${output(totals.parity, language)}`}</ProofLink>
          )
        }
      />
      <Step
        place={3}
        step="distribute"
        figure={dividend && <ProofLink transaction={dividend.proof.transaction}>{sbi(dividend.issued, language, 2)}</ProofLink>}
        of={distributed?.epoch}
        note={dividend ? say("toCitizens", { count: count(dividend.headcount, language) }) : say("citizens")}
        detail={
          dividend && (
            <ProofLink transaction={dividend.proof.transaction}>{`${sbi(dividend.dividend, language)} ${say("each")}`}</ProofLink>
          )
        }
      />
      <Step
        place={4}
        step="recycle"
        figure={<ProofLink transaction={totals.proofs["recycled"]?.transaction}>{sbi(totals.recycled, language, 2)}</ProofLink>}
        of={undefined}
        note={say("recycledEver")}
        detail={
          <>
            {say("thisEpoch")}:{" "}
            <ProofLink transaction={totals.proofs["flow.recycled"]?.transaction}>{sbi(running.flow.recycled, language, 2)}</ProofLink>
          </>
        }
      />
    </div>
  );
}

interface StepProps {
  place: number;
  step: (typeof STEPS)[number];
  figure: ComponentChildren;
  of: number | undefined;
  note: string;
  detail: ComponentChildren;
}

function Step({ place, step, figure, of, note, detail }: StepProps) {
  const { say } = useSpeech();
  return (
    <article class={`step ${step}`}>
      <h2>
        <span aria-hidden="true">{place}</span> {say(step)}
      </h2>
      <p class="what">{say(`${step}What`)}</p>
      <p class="figure">{figure ?? say("notYet")}</p>
      <p class="note">
        {note}
        {of === undefined ? null : ` · ${say("ofEpoch", { epoch: of })}`}
      </p>
      {detail ? <p class="note">{detail}</p> : null}
    </article>
  );
}
