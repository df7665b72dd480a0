// A citizen without ether: activates and pays by signature, sees the fee before; and the days on which the relayer is gone.
import assert from "node:assert/strict";
import { assertAccessible, assertFits, openPage, shoot, teller } from "./browser.mjs";

export async function relayed(browser, order) {
  const { person, language } = order;
  const say = teller(order, language);
  const wallet = { name: "Test wallet", rpc: order.rpc, account: person.account, asked: [], mood: "", chain: "" };
  const { page, context, faults } = await openPage(browser, order, { size: "phone", language, wallet });
  const button = (key) => page.getByRole("button", { name: say(key), exact: true });
  const field = (key) => page.getByRole("textbox", { name: say(key), exact: true });
  const notice = (text) => page.getByText(text).first().waitFor();
  const dialog = page.getByRole("dialog");
  const confirm = async (...sentences) => {
    for (const sentence of sentences) await dialog.getByText(sentence).waitFor();
    await dialog.getByRole("button", { name: say("confirm") }).click();
  };
  const done = say("done", { block: "" }).slice(0, 4);
  const forget = async () => {
    const shown = page.locator(".notice .plain");
    while (await shown.count()) await shown.first().click();
  };
  const sends = () => wallet.asked.filter((each) => each.method === "eth_sendTransaction").length;

  await page.goto(`${order.base}/wallet`);
  await page.getByRole("button", { name: "Test wallet" }).click();
  await field("proof").fill(JSON.stringify(person.proof));
  const first = page.locator(".about-activate");
  await first.getByRole("textbox", { name: say("to") }).fill(order.payee);
  await first.getByRole("textbox", { name: say("amount") }).fill("1");
  await first.getByRole("button", { name: say("activateAndPay") }).click();
  await dialog.getByText(say("say_firstSpend", { ...person.proof })).waitFor();
  await assertAccessible(page, "first spend");
  await assertFits(page, "first spend");
  await shoot(page, order, `first-spend-${language}`);
  await confirm(say("say_relayFee", { fee: "2 SBI" }));
  await notice(done);
  await notice(say("incomeRuns"));
  await page.getByText("−2 SBI").first().waitFor();
  await forget();

  await field("to").last().fill(order.payee);
  await field("amount").last().fill("1.5");
  await button("pay").click();
  await confirm(say("say_relayFee", { fee: "0.5 SBI" }));
  await notice(done);
  await page.getByText("−1.5 SBI").first().waitFor();
  await page.getByText("−0.5 SBI").first().waitFor();
  await notice(say("bySignature"));
  await forget();
  assert.equal(sends(), 0, "the wallet sends nothing itself");
  assert.deepEqual(faults, [], "relayed");

  await field("amount").last().fill("99999999999");
  await button("pay").click();
  await page.locator("form .fault").first().waitFor();

  await page.route("**/v1/payments", (route) => route.abort());
  await field("amount").last().fill("0.25");
  await button("pay").click();
  await confirm(say("say_relayFee", { fee: "0.5 SBI" }));
  await confirm(say("relayerLost"));
  await notice(say("noFunds"));
  await order.ask("ether", person.account);
  await button("pay").click();
  await confirm(say("say_relayFee", { fee: "0.5 SBI" }));
  await confirm(say("relayerLost"));
  await notice(done);
  await page.getByText("−0.25 SBI").first().waitFor();
  assert.equal(sends(), 2, "sent by the wallet: once without ether, once with");
  await forget();

  await order.ask("relayer gone");
  await field("amount").last().fill("0.125");
  await button("pay").click();
  await confirm(say("relayerAway"), say("say_fee"));
  await notice(done);
  await page.getByText("−0.125 SBI").first().waitFor();
  await context.close();
}
