import { type ComponentChildren, render } from "preact";
import { useState } from "preact/hooks";
import { type Epoch, type Facility, get, type Oracle, type Page, type Reading, type Report, type Said, type Summary } from "./api";
import { count, output, part, sbi } from "./figures";
import { Address, Dialog, Frame, ProofLink, Section, useLive, useSpeech } from "./frame";
import { leadsToRoot } from "./proof";
import { Governance } from "./governance";
import { Ring } from "./ring";
import type { Say } from "./words";

function Dashboard() {
  const { say } = useSpeech();
  const [summary, failure] = useLive(() => get<Summary>("/v1/summary"), "summary");
  if (!summary) return <p class="lead">{failure ? say("failed", { reason: failure }) : say("loading")}</p>;
  return (
    <>
      <h1>{say("tagline")}</h1>
      <p class="lead">{say("lead")}</p>
      <Ring summary={summary} />
      <div class="sections">
        <Income epochs={summary.recent} />
        <div class="column">
          <Money summary={summary} />
          <Governance summary={summary} />
        </div>
        <div class="column">
          <Computing summary={summary} />
        </div>
        <Oracles summary={summary} />
        <Epochs epochs={summary.recent} />
      </div>
    </>
  );
}

function Income({ epochs }: { epochs: Epoch[] }) {
  const { say, language } = useSpeech();
  const shown = epochs.filter((epoch) => epoch.status !== "running").toReversed();
  const most = shown.reduce((high, epoch) => (BigInt(epoch.dividend?.dividend ?? 0) > high ? BigInt(epoch.dividend?.dividend ?? 0) : high), 0n);
  return (
    <Section id="income" title={say("incomeTitle")} what={say("incomeWhat")}>
      <ol class="bars">
        {shown.map((epoch) => {
          const amount = epoch.dividend ? sbi(epoch.dividend.dividend, language) : say(`epoch_${epoch.status}`);
          const label = say("barLabel", { epoch: epoch.epoch, amount });
          return (
            <li key={epoch.epoch} class={epoch.dividend ? "" : "none"} title={label}>
              <ProofLink transaction={epoch.dividend?.proof.transaction}>
                <i style={{ height: `${Math.max(3, 100 * part(epoch.dividend?.dividend ?? "0", most))}%` }} aria-hidden="true" />
                <span class="hidden">{label}</span>
              </ProofLink>
            </li>
          );
        })}
      </ol>
      <p class="axis" aria-hidden="true">
        <span>{shown[0] ? say("epoch", { epoch: shown[0].epoch }) : ""}</span>
        <span>{shown.length ? say("epoch", { epoch: shown[shown.length - 1]?.epoch ?? 0 }) : ""}</span>
      </p>
    </Section>
  );
}

function Money({ summary }: { summary: Summary }) {
  const { say, language } = useSpeech();
  const { totals, running } = summary;
  // What last moved a figure: its transaction says how.
  const proved = (figure: string, shown: string) => (
    <ProofLink transaction={totals.proofs[figure]?.transaction}>{shown}</ProofLink>
  );
  const amount = (figure: "supply" | "issued" | "recycled" | "reserve" | "escrow" | "recirculated") =>
    proved(figure, sbi(totals[figure], language, 2));
  const dividend = summary.distributed?.dividend;
  const parity = totals.parity ? output(totals.parity, language) : say("notYet");
  const figures: [string, ComponentChildren, ComponentChildren?][] = [
    [say("supply"), amount("supply")],
    [say("issued"), amount("issued")],
    [say("recycled"), amount("recycled")],
    [say("reserve"), amount("reserve"), say("reserveWhat")],
    [say("escrow"), amount("escrow")],
    [say("recirculated"), amount("recirculated")],
    [
      say("headcount"),
      proved("headcount", count(totals.headcount, language)),
      proved("activated", say("activated", { count: count(totals.activated, language) })),
    ],
    [say("parity"), <ProofLink transaction={dividend?.proof.transaction}>{parity}</ProofLink>, say("parityWhat")],
    [
      say("payments"),
      proved("payments", count(totals.payments, language)),
      proved("flow.payments", `${say("thisEpoch")}: ${count(running.flow.payments, language)}`),
    ],
    [`${say("thisEpoch")}: ${say("thisEpochBought")}`, proved("flow.bought", sbi(running.flow.bought, language, 2))],
  ];
  return (
    <Section id="money" title={say("moneyTitle")}>
      <dl class="figures">
        {figures.map(([name, figure, note]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {figure}
              {note ? <small>{note}</small> : null}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

function Computing({ summary }: { summary: Summary }) {
  const { say, language } = useSpeech();
  return (
    <Section id="computing" title={say("computingTitle")} what={say("computingWhat")}>
      <ul class="meters">
        {summary.classes.map((each) => (
          <li key={each.compute_class}>
            <span>{say(`class${each.compute_class}`)}</span>
            <Meter used={each.used} of={each.capacity} label={say(`class${each.compute_class}`)} />
            <small>
              <ProofLink transaction={summary.reported?.report?.proof.transaction}>{output(each.used, language)}</ProofLink> /{" "}
              <ProofLink transaction={each.proof?.transaction}>{output(each.capacity, language)}</ProofLink>
            </small>
          </li>
        ))}
      </ul>
      <h3>{say("byFacility")}</h3>
      <div class="wide" tabIndex={0} role="region" aria-label={say("byFacility")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{say("facility")}</th>
              <th scope="col">{say("region")}</th>
              <th scope="col">{say("output")}</th>
              <th scope="col">{say("publicShare")}</th>
              <th scope="col">{say("latestReading")}</th>
            </tr>
          </thead>
          <tbody>
            {summary.facilities.map((facility) => (
              <FacilityRow key={facility.facility} facility={facility} summary={summary} />
            ))}
          </tbody>
        </table>
      </div>
      <h3>{say("byRegion")}</h3>
      <div class="wide" tabIndex={0} role="region" aria-label={say("byRegion")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{say("region")}</th>
              <th scope="col">{say("citizens")}</th>
              <th scope="col">{say("output")}</th>
            </tr>
          </thead>
          <tbody>
            {summary.regions.map((region) => (
              <tr key={region.region}>
                <th scope="row">{region.region}</th>
                <td>
                  <ProofLink transaction={region.proof.transaction}>{count(region.headcount, language)}</ProofLink>
                </td>
                <td>
                  <Read epoch={summary.reported} label={say("checkRegion", { region: region.region })}>
                    {output(region.output, language)}
                  </Read>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

function Meter({ used, of, label }: { used: string; of: string; label: string }) {
  const share = part(used, of);
  return (
    <span class="meter" role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * share)}>
      <i style={{ width: `${Math.min(100, Math.max(share ? 1 : 0, 100 * share))}%` }} />
    </span>
  );
}

function FacilityRow({ facility, summary }: { facility: Facility; summary: Summary }) {
  const { say, language } = useSpeech();
  const epoch = summary.recent.find((each) => each.epoch === facility.latest_epoch);
  return (
    <tr>
      <th scope="row">
        <ProofLink transaction={facility.proof.transaction} label={`${say("facility")} ${facility.facility}`}>
          {facility.facility}
        </ProofLink>
      </th>
      <td>
        <ProofLink transaction={facility.proof.transaction}>{facility.region}</ProofLink>
      </td>
      <td>
        {facility.latest_output ? (
          <Read epoch={epoch} label={say("checkReading", { facility: facility.facility, epoch: epoch?.epoch ?? "" })}>
            {output(facility.latest_output, language)}
          </Read>
        ) : (
          say("notYet")
        )}
      </td>
      <td>
        <ProofLink transaction={facility.terms_proof?.transaction}>{facility.public_share_bps / 100} %</ProofLink>
      </td>
      <td>
        {epoch?.report?.readings_known ? (
          <CheckReadings
            epoch={epoch}
            report={epoch.report}
            label={say("checkReading", { facility: facility.facility, epoch: epoch.epoch })}
          >
            {say("check")}
          </CheckReadings>
        ) : (
          say("notYet")
        )}
      </td>
    </tr>
  );
}

// A figure out of readings: it opens them, where they are known.
function Read({ epoch, label, children }: { epoch: Epoch | null | undefined; label: string; children: string }) {
  if (!epoch?.report?.readings_known) return <>{children}</>;
  return (
    <CheckReadings epoch={epoch} report={epoch.report} label={`${children}: ${label}`}>
      {children}
    </CheckReadings>
  );
}

interface CheckProps {
  epoch: Epoch;
  report: Report;
  label?: string;
  children: string;
}

function CheckReadings({ epoch, report, label, children }: CheckProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="proof" aria-label={label} onClick={() => setOpen(true)}>
        {children}
      </button>
      {open ? <ReadingsDialog epoch={epoch.epoch} report={report} close={() => setOpen(false)} /> : null}
    </>
  );
}

function ReadingsDialog({ epoch, report, close }: { epoch: number; report: Report; close: () => void }) {
  const { say, language } = useSpeech();
  const [page, failure] = useLive(() => get<Page<Reading>>(`/v1/epochs/${epoch}/readings?limit=100`), `readings ${epoch}`);
  return (
    <Dialog title={say("readingTitle", { epoch })} close={close}>
      <p>{say("readingWhat", { signed: report.signers.length })}</p>
      <p>
        {say("root")} <code class="long">{report.root}</code>
      </p>
      {failure ? <p class="notice">{say("failed", { reason: failure })}</p> : null}
      <ul class="checked">
        {page?.items.map((reading) => {
          const holds = leadsToRoot(reading, report);
          return (
            <li key={reading.facility} class={holds ? "good" : "bad"}>
              <b>
                {say("facility")} {reading.facility}
              </b>
              <span>
                {reading.raw.map((raw, place) => `${say(`class${place as 0 | 1 | 2}`)} ${output(raw, language)}`).join(" · ")}
              </span>
              <span class="verdict">
                {holds ? "✓" : "✗"} {say(holds ? "readingHolds" : "readingFails")}
              </span>
            </li>
          );
        })}
      </ul>
    </Dialog>
  );
}

function Oracles({ summary }: { summary: Summary }) {
  const { say } = useSpeech();
  const { oracles, quorum, quorum_proof, demands, faults } = summary;
  return (
    <Section
      id="oracles"
      title={say("oraclesTitle")}
      what={
        <ProofLink transaction={quorum_proof?.transaction}>{say("oraclesWhat", { quorum, all: oracles.length })}</ProofLink>
      }
    >
      <ul class="oracles">
        {oracles.map((oracle) => (
          <OracleCard key={oracle.number} oracle={oracle} />
        ))}
      </ul>
      <h3>{say("disputes")}</h3>
      {demands.length + faults.length === 0 ? <p class="what">{say("noDisputes")}</p> : null}
      <ul class="plain-list">
        {demands.slice(0, 5).map((demand) => (
          <li key={`${demand.epoch}-${demand.position}`}>
            <ProofLink transaction={demand.proof.transaction}>
              {say("demand", { position: demand.position, epoch: demand.epoch, status: say(`status_${demand.status}`) })}
            </ProofLink>
          </li>
        ))}
        {faults.slice(0, 5).map((fault) => (
          <li key={`${fault.proof.block}-${fault.proof.log_index}`}>
            <ProofLink transaction={fault.proof.transaction}>{faultInWords(fault, say)}</ProofLink>
          </li>
        ))}
      </ul>
    </Section>
  );
}

const FAULTS = [
  "DoubleSigningProven",
  "LeafFaultProven",
  "StructureFaultProven",
  "WrongProductProven",
  "TwoProductsProven",
  "ReadingTakenOut",
  "ReportVoided",
  "SignerSlashed",
] as const;

function faultInWords(fault: Said, say: Say): string {
  const known = FAULTS.find((name) => name === fault.name);
  return known ? say(`fault_${known}`) : fault.name;
}

function OracleCard({ oracle }: { oracle: Oracle }) {
  const { say } = useSpeech();
  const standing = oracle.slashed ? "slashed" : oracle.stands ? "stands" : "standsNot";
  const list = oracle.recent.map((signed) => say(signed ? "signed" : "missed")).join(", ");
  return (
    <li class={oracle.late || !oracle.stands ? "late" : ""}>
      <b>{say("oracle", { number: oracle.number })}</b>
      <Address address={oracle.address} />
      <span class="dots" role="img" aria-label={say("recentLabel", { list: list || say("notYet") })}>
        {oracle.recent.map((signed, place) => (
          <i key={place} class={signed ? "yes" : "no"} />
        ))}
      </span>
      <small>
        <ProofLink transaction={oracle.proof?.transaction}>{say("signedCount", { count: oracle.signed })}</ProofLink> · {say(standing)}
        {oracle.late ? ` · ${say("late")}` : ""}
      </small>
    </li>
  );
}

function Epochs({ epochs }: { epochs: Epoch[] }) {
  const { say, language } = useSpeech();
  return (
    <Section id="epochs" title={say("epochsTitle")}>
      <div class="wide" tabIndex={0} role="region" aria-label={say("epochsTitle")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{say("colEpoch")}</th>
              <th scope="col">{say("colStatus")}</th>
              <th scope="col">{say("colOutput")}</th>
              <th scope="col">{say("colIssue")}</th>
              <th scope="col">{say("colDividend")}</th>
              <th scope="col">{say("colProof")}</th>
            </tr>
          </thead>
          <tbody>
            {epochs.slice(0, 12).map((epoch) => (
              <tr key={epoch.epoch}>
                <th scope="row">{epoch.epoch}</th>
                <td>
                  <span class={`tag ${epoch.status}`}>{say(`epoch_${epoch.status}`)}</span>
                </td>
                <td>
                  <ProofLink transaction={epoch.report?.proof.transaction}>
                    {epoch.report ? output(epoch.report.public_output, language) : "–"}
                  </ProofLink>
                </td>
                <td>
                  <ProofLink transaction={epoch.dividend?.proof.transaction}>
                    {epoch.dividend ? sbi(epoch.dividend.issued, language, 2) : "–"}
                  </ProofLink>
                </td>
                <td>
                  <ProofLink transaction={epoch.dividend?.proof.transaction}>
                    {epoch.dividend ? sbi(epoch.dividend.dividend, language) : "–"}
                  </ProofLink>
                </td>
                <td>
                  <span class="proofs">
                  {epoch.report ? <ProofLink transaction={epoch.report.proof.transaction}>{say("reportProof")}</ProofLink> : null}
                  {epoch.dividend ? <ProofLink transaction={epoch.dividend.proof.transaction}>{say("dividendProof")}</ProofLink> : null}
                  {epoch.report?.readings_known ? (
                    <CheckReadings epoch={epoch} report={epoch.report}>
                      {say("readingsProof")}
                    </CheckReadings>
                  ) : null}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

const app = document.getElementById("app");
if (app)
  render(
    <Frame page="dashboard">
      <Dashboard />
    </Frame>,
    app,
  );
