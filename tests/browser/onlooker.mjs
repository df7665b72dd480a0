// Somebody who has never heard of it looks: in both languages, on a phone and on a large screen, by mouse and keyboard.
import assert from "node:assert/strict";
import { assertAccessible, assertFits, openPage, shoot, shootPart } from "./browser.mjs";

const TAGLINES = { en: /compute pays every citizen/, zh: /平等地成为每位公民的收入/ };

export async function onlooker(browser, order) {
  for (const [language, size, theme] of [
    ["en", "desktop", "light"],
    ["zh", "desktop", "dark"],
    ["en", "phone", "dark"],
    ["zh", "phone", "light"],
  ]) {
    const { page, context, faults } = await openPage(browser, order, { size, language, theme });
    await page.goto(`${order.base}/`);
    await page.getByRole("heading", { level: 1, name: TAGLINES[language] }).waitFor();
    const where = `${language}, ${size}, ${theme}`;
    for (const step of ["monitor", "calculate", "distribute", "recycle"]) {
      assert.match(await page.locator(`.step.${step} .figure`).innerText(), /\d/, `${where}: ${step}`);
    }
    assert.equal(await page.locator("html").getAttribute("lang"), language === "zh" ? "zh-Hans" : "en");
    await assertFits(page, where);
    await assertAccessible(page, where);
    await shoot(page, order, `dashboard-${language}-${size}-${theme}`);
    assert.deepEqual(faults, [], where);
    await context.close();
  }
  await looksCloser(browser, order);
  await seesABrake(browser, order);
  return loses(browser, order);
}

async function looksCloser(browser, order) {
  const { page, context, faults } = await openPage(browser, order);
  await page.goto(`${order.base}/`);
  const figure = page.locator(".step.distribute .figure .proof");
  await figure.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("vault.DividendDistributed").waitFor();
  await assertAccessible(page, "a transaction");
  await shoot(page, order, "proof-en-desktop");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await assertProved(page);
  await page.locator(".about-money dd .proof").first().click();
  await dialog.getByText("What proves it").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "readings" }).first().click();
  await dialog.getByText("Leads to the reported root").first().waitFor();
  assert.equal(await dialog.locator(".checked .good").count(), 2);
  assert.equal(await dialog.locator(".checked .bad").count(), 0);
  await shoot(page, order, "readings-en-desktop");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /中文/ }).click();
  await page.getByRole("heading", { level: 1, name: TAGLINES.zh }).waitFor();
  await page.reload();
  await page.getByRole("heading", { level: 1, name: TAGLINES.zh }).waitFor();
  assert.deepEqual(faults, [], "closer");
  await context.close();
}

// Every figure is a link to what proves it, but for those that nothing has moved yet.
async function assertProved(page) {
  const figures = page.locator(".figures dd, .step .figure, .meters small, .about-computing td, .bars li:not(.none)");
  const bare = await figures.filter({ hasNot: page.locator(".proof") }).allInnerTexts();
  assert.deepEqual(bare.filter((text) => /[1-9]/.test(text)), [], "figures without a proof");
  assert.ok((await figures.count()) > 20);
}

// Dividends are halted, and go on: the page says so as it happens.
async function seesABrake(browser, order) {
  const { page, context, faults } = await openPage(browser, order);
  await page.goto(`${order.base}/`);
  await page.getByText("No brake is pulled.").waitFor();
  await page.getByText("A tenth less for operators").first().waitFor();
  await shootPart(page, order, ".about-governance", "governance-en");
  await page.getByText("The whole text").click();
  await page.getByText("<img src=x onerror=alert(1)>").waitFor();
  await page.getByText("exchange.setShares(").first().waitFor();
  await order.ask("halt");
  await page.getByText("The guardian has halted dividends.").waitFor();
  await assertAccessible(page, "a halt");
  await shoot(page, order, "halted-en-desktop");
  await order.ask("resume");
  await page.getByText("No brake is pulled.").waitFor();
  await page.getByText("The guardian has used its halt").waitFor();
  assert.deepEqual(faults, [], "a brake");
  await context.close();
}

// A reading that does not lead to the root is seen to be wrong: the browser checks, it does not believe.
async function loses(browser, order) {
  const { page, context } = await openPage(browser, order);
  await page.route("**/readings*", async (route) => {
    const answer = await route.fetch();
    const told = await answer.json();
    told.items[0].raw[0] = String(BigInt(told.items[0].raw[0]) + 1n);
    await route.fulfill({ response: answer, json: told });
  });
  await page.goto(`${order.base}/`);
  await page.getByRole("button", { name: "readings" }).first().click();
  await page.getByRole("dialog").getByText("Does not lead to the reported root").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText(/^live/).waitFor();
  await context.close();
}
