// Runs the stories: the order comes as the first line of standard input, questions to the nation go out as lines and are
// answered by lines.
import { createInterface } from "node:readline";
import { launch, shoot } from "./browser.mjs";
import { citizen, developer } from "./citizen.mjs";
import { onlooker } from "./onlooker.mjs";
import { relayed } from "./relayed.mjs";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const order = JSON.parse((await lines.next()).value);
order.ask = async (what, given = null) => {
  console.log(JSON.stringify({ ask: what, given }));
  return JSON.parse((await lines.next()).value);
};
const browser = await launch(order);
try {
  if (order.story === "onlooker") await onlooker(browser, order);
  else if (order.story === "relayed") await relayed(browser, order);
  else if (order.story === "developer") await developer(browser, order);
  else await citizen(browser, order, order);
  console.log(JSON.stringify({ done: true }));
} catch (error) {
  for (const [place, page] of browser.contexts().flatMap((context) => context.pages()).entries())
    await shoot(page, order, `failed-${order.story}-${place}`);
  throw error;
} finally {
  await browser.close();
}
process.exit(0);
