// A citizen's whole story: activates by proof, sees income come in, pays, buys computing, signs for it; and the bad days.
import assert from "node:assert/strict";
import { assertAccessible, assertFits, openPage, rpc, shoot, teller } from "./browser.mjs";

export async function citizen(browser, order, { size, language, theme, person }) {
  const say = teller(order, language);
  const wallet = { name: "<b>Test wallet</b>", rpc: order.rpc, account: person.account, asked: [], mood: "", chain: "" };
  const { page, context, faults } = await openPage(browser, order, { size, language, theme, wallet });
  const where = `citizen, ${language}, ${size}`;
  const button = (key) => page.getByRole("button", { name: say(key), exact: true });
  const field = (key) => page.getByRole("textbox", { name: say(key), exact: true });
  const notice = (text) => page.getByText(text).first().waitFor();
  const balance = async () => BigInt(await page.locator("[data-wei]").getAttribute("data-wei"));
  // What the page shows once it shows the newest block's.
  const settled = async () => {
    await order.ask("indexed");
    const told = (await (await fetch(`${order.base}/v1/accounts/${person.account}`)).json()).balance;
    await page.waitForFunction((wei) => document.querySelector("[data-wei]").dataset.wei === wei, told);
    return BigInt(told);
  };
  const confirm = async (sentence) => {
    const dialog = page.getByRole("dialog");
    await dialog.getByText(sentence).waitFor();
    await dialog.getByRole("button", { name: say("confirm") }).click();
  };
  const forget = async () => {
    const shown = page.locator(".notice .plain");
    while (await shown.count()) await shown.first().click();
  };

  const vote = async () => {
    await button("vote_for").click();
    await confirm(say("say_vote", { choice: say("vote_for"), title: "<i>Half the fee</i>" }));
  };
  const voteByHand = async () => {
    await page.getByRole("checkbox", { name: say("signBallot") }).check();
    await vote();
    await order.ask("carry", JSON.parse(await field("ballotMade").inputValue()));
  };

  await page.goto(`${order.base}/wallet`);
  await assertAccessible(page, `${where}: connect`);
  await shoot(page, order, `connect-${language}-${size}`);
  await page.getByRole("button", { name: "<b>Test wallet</b>" }).click();
  await notice(say("incomeNever"));
  assert.equal(await balance(), 0n);

  await field("proof").fill("{}");
  await button("activate").click();
  await notice(say("badProof"));
  await field("proof").fill(JSON.stringify(person.proof));
  await button("activate").click();
  await confirm(say("say_activate", { ...person.proof, who: person.account }));
  await notice(say("incomeRuns"));
  const first = await balance();
  assert.ok(first > 0n, "what the batch received since it was enrolled");
  await forget();

  await order.ask("epoch");
  await page.waitForFunction((wei) => BigInt(document.querySelector("[data-wei]").dataset.wei) > BigInt(wei), String(first));

  const before = await settled();
  await field("to").fill(order.payee.replace("f", "F"));
  await field("amount").fill("1.5");
  await button("pay").click();
  await notice(say("badAddress"));
  await field("to").fill(order.payee);
  await field("amount").fill("99999999999");
  await button("pay").click();
  await page.locator("form .fault").waitFor();
  await field("amount").fill("1.5");
  await button("pay").click();
  await page.getByRole("dialog").waitFor();
  await assertFits(page, `${where}: confirm`);
  await shoot(page, order, `confirm-${language}-${size}`);
  await confirm(say("say_pay", { amount: "1.5 SBI", who: order.payee }));
  await notice(say("done", { block: "" }).slice(0, 4));
  await page.getByText("−1.5 SBI").first().waitFor();
  assert.equal(await settled(), before - 15n * 10n ** 17n);
  await forget();

  wallet.mood = "rejects";
  await button("pay").click();
  await confirm(say("say_fee"));
  await notice(say("rejected"));
  wallet.mood = "gone";
  await button("pay").click();
  await confirm(say("say_fee"));
  await notice(say("lost"));
  wallet.mood = "";
  wallet.chain = "0x1";
  await button("pay").click();
  await confirm(say("say_fee"));
  await notice(say("wrongChain", { given: 1, expected: order.chainId }));
  await button("switchChain").click();
  assert.equal(await balance(), before - 15n * 10n ** 17n);

  await order.ask("offer");
  await field("units").fill("3");
  await button("buy").first().click();
  await confirm(say("say_buySign", { amount: "" }).slice(0, 12));
  const signed = page.getByRole("button", { name: say("signReceipt") });
  await signed.waitFor();
  await forget();
  await signed.click();
  await confirm(say("say_noFee"));
  const receipt = JSON.parse(await field("receiptMade").inputValue());
  assert.match(receipt.signature, /^0x[0-9a-f]{130}$/);
  assert.equal(await order.ask("deliver", receipt), "delivered");
  await page.getByText(say("v_delivered"), { exact: true }).first().waitFor();

  await order.ask("propose", person.account);
  await page.getByText("<i>Half the fee</i>").waitFor();
  await (size === "phone" ? voteByHand() : vote());
  await notice(say("voted_1"));
  await forget();

  await assertFits(page, where);
  await assertAccessible(page, where);
  await shoot(page, order, `wallet-${language}-${size}-${theme}`);
  assert.deepEqual(faults, [], where);

  await button("pay").click();
  await confirm(say("say_fee"));
  await notice(say("done", { block: "" }).slice(0, 4));
  await rpc(order.rpc, "anvil_reorg", [1, []]);
  await notice(say("taken"));
  await shoot(page, order, `taken-${language}-${size}`);

  await order.ask("stop");
  await page.locator(".notice[role=alert]").first().waitFor();
  await order.ask("start");
  await page.locator(".state.live").waitFor({ timeout: 30_000 });
  await context.close();
}

// On a local chain, without any wallet: a development account, by its node.
export async function developer(browser, order) {
  const { page, context } = await openPage(browser, order);
  await page.goto(`${order.base}/wallet`);
  await page.getByText("Development accounts of the local chain").waitFor();
  await page.getByRole("button", { name: order.payee }).click();
  await page.getByText("Connected as").waitFor();
  await context.close();
}
