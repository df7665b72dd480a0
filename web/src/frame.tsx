// What both pages share: language, theme, header, dialogs, and the state of the connection.
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { type Said, type Tip, get, listen, type Page } from "./api";
import { moment, short } from "./figures";
import { firstLanguage, keepLanguage, type Language, read, type Say, sayIn, write } from "./words";

interface Speech {
  say: Say;
  language: Language;
}
const SpeechContext = createContext<Speech>({ say: sayIn("en"), language: "en" });
export const useSpeech = (): Speech => useContext(SpeechContext);

export type Connection = "connecting" | "live" | "lost";

// What an address answers, asked anew whenever the index changes.
export function useLive<T>(load: (() => Promise<T>) | undefined, key: string): [T | undefined, string, () => void] {
  const [found, setFound] = useState<{ key: string; value: T }>();
  const [failure, setFailure] = useState("");
  const [turn, setTurn] = useState(0);
  const pulse = useContext(PulseContext);
  useEffect(() => {
    let current = true;
    if (!load) return;
    load().then(
      (value) => {
        if (!current) return;
        setFound({ key, value });
        setFailure("");
      },
      (error: unknown) => current && setFailure(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      current = false;
    };
  }, [key, turn, pulse]);
  return [found?.key === key ? found.value : undefined, failure, () => setTurn((before) => before + 1)];
}

const PulseContext = createContext(0);

export function usePulse(): { tip: Tip | undefined; beats: number; connection: Connection } {
  const [beats, setBeats] = useState(0);
  const [tip, setTip] = useState<Tip>();
  const [connection, setConnection] = useState<Connection>("connecting");
  useEffect(
    () =>
      listen(
        (heard) => {
          setTip(heard);
          setBeats((before) => before + 1);
          setConnection("live");
        },
        () => setConnection("lost"),
      ),
    [],
  );
  return { tip, beats, connection };
}

const THEMES = ["auto", "light", "dark"] as const;

export function Frame({ page, children }: { page: "dashboard" | "wallet"; children: ComponentChildren }) {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const [theme, setTheme] = useState(read("theme") ?? "auto");
  const { tip, beats, connection } = usePulse();
  const say = sayIn(language);
  useEffect(() => {
    keepLanguage(language);
    document.title = page === "wallet" ? `${say("wallet")} · ${say("title")}` : say("title");
  }, [language]);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
    write("theme", theme);
  }, [theme]);
  const nextTheme = () => {
    const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    setTheme(dark ? THEMES[1] : THEMES[2]);
  };
  return (
    <SpeechContext.Provider value={{ say, language }}>
      <PulseContext.Provider value={beats}>
        <a class="skip" href="#main">
          {say("skip")}
        </a>
        <header class="top">
          <span class="brand">
            <img src="/icon.svg" alt="" width="26" height="26" />
            {say("title")}
          </span>
          <nav aria-label={say("title")}>
            <a href="/" aria-current={page === "dashboard" ? "page" : undefined}>
              {say("dashboard")}
            </a>
            <a href="/wallet" aria-current={page === "wallet" ? "page" : undefined}>
              {say("wallet")}
            </a>
          </nav>
          <span class={`state ${connection}`} role="status">
            <i aria-hidden="true" />
            {connection === "live" ? say("live") : say("connecting")}
            {tip ? <b>{say("block", { block: tip.block })}</b> : null}
          </span>
          <button type="button" class="plain" onClick={nextTheme} aria-label={say("themeLabel")}>
            ◐
          </button>
          <button
            type="button"
            class="plain"
            lang={language === "en" ? "zh-Hans" : "en"}
            aria-label={`${say("language")} (${say("languageLabel")})`}
            onClick={() => setLanguage(language === "en" ? "zh" : "en")}
          >
            {say("language")}
          </button>
        </header>
        {connection === "lost" ? (
          <p class="notice" role="alert">
            {say("offline", { block: tip?.block ?? "–" })}
          </p>
        ) : null}
        <main id="main" tabIndex={-1}>
          {children}
        </main>
        <footer>
          <a href="/openapi.json">{say("api")}</a> · <a href="/v1/epochs?format=csv&amp;limit=100">{say("csv")}</a>
        </footer>
      </PulseContext.Provider>
    </SpeechContext.Provider>
  );
}

export function Dialog({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }) {
  const { say } = useSpeech();
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => ref.current?.showModal(), []);
  return (
    <dialog ref={ref} onClose={close} aria-labelledby="dialog-title">
      <h2 id="dialog-title">{title}</h2>
      {children}
      <button type="button" class="quiet" onClick={() => ref.current?.close()}>
        {say("close")}
      </button>
    </dialog>
  );
}

interface SectionProps {
  id: string;
  title: string;
  what?: ComponentChildren;
  children: ComponentChildren;
}

export function Section({ id, title, what, children }: SectionProps) {
  return (
    <section aria-labelledby={id} class={`about-${id}`}>
      <h2 id={id}>{title}</h2>
      {what ? <p class="what">{what}</p> : null}
      {children}
    </section>
  );
}

interface ProofProps {
  // Without one, as of a figure that nothing has moved yet, it is no link.
  transaction: string | undefined;
  children: ComponentChildren;
  label?: string;
}

// A figure that says which transaction proves it.
export function ProofLink({ transaction, children, label }: ProofProps) {
  const [open, setOpen] = useState(false);
  if (!transaction) return <>{children}</>;
  return (
    <>
      <button type="button" class="proof" aria-label={label} onClick={() => setOpen(true)}>
        {children}
      </button>
      {open ? <TransactionDialog transaction={transaction} close={() => setOpen(false)} /> : null}
    </>
  );
}

function TransactionDialog({ transaction, close }: { transaction: string; close: () => void }) {
  const { say, language } = useSpeech();
  const [page, failure] = useLive(() => get<Page<Said>>(`/v1/transactions/${transaction}?limit=100`), transaction);
  const first = page?.items[0];
  return (
    <Dialog title={say("proofTitle")} close={close}>
      <p>
        {say("proofOf", { hash: "" })}
        <code class="long">{transaction}</code>
      </p>
      {failure ? <p class="notice">{say("failed", { reason: failure })}</p> : null}
      {first ? (
        <p>
          {say("proofWhat", { block: first.proof.block })} {moment(first.timestamp, language)}
        </p>
      ) : null}
      <ol class="said">
        {page?.items.toReversed().map((said) => (
          <li key={said.proof.log_index}>
            <b>
              {said.role}.{said.name}
            </b>
            <dl>
              {Object.entries(said.args).map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ol>
    </Dialog>
  );
}

export function Address({ address }: { address: string }) {
  return (
    <code title={address} class="address">
      {short(address)}
    </code>
  );
}
