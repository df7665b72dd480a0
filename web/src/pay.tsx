// Paying: by signature through the relayer where there is one, by the payer's own transaction otherwise.
import { useState } from "preact/hooks";
import type { Address } from "viem";
import { moment, parseSbi, sbiExact } from "./figures";
import { Section, useSpeech } from "./frame";
import { type Activation, isAway, type Quote, Relayer, signed, type SignedPayment } from "./relay";
import { readAddress, type Session, validUntil } from "./session";
import type { Task } from "./tasks";

interface PayProps {
  session: Session;
  // Undefined before activation, when nobody but the contracts knows what will be there.
  balance: bigint | undefined;
  // Sent along with a first payment.
  activation?: Activation;
  start: (task: Task) => void;
}

export function Pay({ session, balance, activation, start }: PayProps) {
  const { say } = useSpeech();
  const relayed = session.deployment.relayer_url !== null;
  return (
    <Section id="pay" title={say("pay")} what={say(relayed ? "payWhatRelayed" : "payWhatDirect")}>
      <PayForm session={session} balance={balance} {...(activation && { activation })} start={start} />
    </Section>
  );
}

export function PayForm({ session, balance, activation, start }: PayProps) {
  const { say, language } = useSpeech();
  const [to, setTo] = useState("");
  const [text, setText] = useState("");
  const [fault, setFault] = useState("");
  const url = session.deployment.relayer_url;

  const pay = async (event: Event): Promise<void> => {
    event.preventDefault();
    const payee = readAddress(to);
    const amount = parseSbi(text);
    if (!payee) return setFault(say("badAddress"));
    if (amount === undefined) return setFault(say("badAmount"));
    if (balance !== undefined && amount > balance) return setFault(say("tooMuch", { amount: sbiExact(balance, language) }));
    setFault("");
    if (!url) return start(direct(payee, amount));
    const relayer = new Relayer(url);
    try {
      const quote = await relayer.quote(session.account, activation ? "first_spend" : "payment");
      if (balance !== undefined && amount + BigInt(quote.fee) > balance)
        return setFault(say("tooMuchWithFee", { amount: sbiExact(balance, language), fee: sbiExact(quote.fee, language) }));
      start(byRelayer(relayer, quote, payee, amount));
    } catch (error) {
      if (!isAway(error)) setFault(say("relayRefused", { reason: (error as Error).message.slice(0, 200) }));
      else if (activation) setFault(say("relayerGone"));
      else start(direct(payee, amount, say("relayerAway")));
    }
  };

  const direct = (payee: Address, amount: bigint, why?: string): Task => ({
    says: [...(why ? [why] : []), say("say_pay", { amount: sbiExact(amount, language), who: payee }), say("say_fee")],
    work: () => session.send("token", "transfer", [payee, amount]),
  });

  const byRelayer = (relayer: Relayer, quote: Quote, payee: Address, amount: bigint): Task => ({
    says: [
      ...(activation ? [say("say_firstSpend", { batch: activation.batch, index: activation.index })] : []),
      say("say_paySigned", { amount: sbiExact(amount, language), who: payee, time: moment(Number(validUntil()), language) }),
      quote.fee === "0" ? say("say_noFee") : say("say_relayFee", { fee: sbiExact(quote.fee, language) }),
    ],
    work: async () => {
      const payment = await signed(session, payee, amount, quote, activation);
      try {
        return { status: await relayer.hand(payment) };
      } catch (error) {
        if (!isAway(error)) throw error;
        // It may have been taken all the same: whoever sends this one, it is made once.
        start(oneself(payment));
        return undefined;
      }
    },
  });

  const oneself = ({ activation: leaf, fee: _fee, quote: _quote, ...authorization }: SignedPayment): Task => ({
    says: [say("relayerLost"), say("say_fee")],
    work: () =>
      leaf
        ? session.send("citizens", "activateAndPay", [
            BigInt(leaf.batch),
            BigInt(leaf.index),
            session.account,
            leaf.person,
            leaf.proof,
            authorization,
          ])
        : session.send("token", "transferWithAuthorization", [authorization]),
  });

  return (
    <form onSubmit={pay}>
      <label>
        {say("to")}
        <input value={to} onInput={(event) => setTo(event.currentTarget.value)} autocomplete="off" spellcheck={false} />
      </label>
      <label>
        {say("amount")}
        <input value={text} onInput={(event) => setText(event.currentTarget.value)} inputMode="decimal" autocomplete="off" />
      </label>
      {fault ? (
        <p class="fault" role="alert">
          {fault}
        </p>
      ) : null}
      <button type="submit" class="main-button">
        {say(activation ? "activateAndPay" : "pay")}
      </button>
    </form>
  );
}
