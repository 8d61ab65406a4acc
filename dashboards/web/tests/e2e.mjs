// The page in a real browser over a real server: both languages, phone and desktop, light and dark.
//
//   MIZAN_URL=http://127.0.0.1:8080 MIZAN_KEY=mzn_… node tests/e2e.mjs
//
// CHROMIUM names the browser (/usr/bin/chromium where absent), SCREENSHOTS a folder for pictures (none where absent).
// The shop must have sales in the last 90 days or, failing that, any at all.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { chromium } from "playwright-core";

const url = required("MIZAN_URL").replace(/\/$/, "");
const key = required("MIZAN_KEY");
const folder = process.env["SCREENSHOTS"];

const VIEWS = [
  { name: "desktop-english-light", language: "en", width: 1440, height: 900, colours: "light" },
  { name: "desktop-english-dark", language: "en", width: 1440, height: 900, colours: "dark" },
  { name: "desktop-arabic-light", language: "ar", width: 1440, height: 900, colours: "light" },
  { name: "phone-english-light", language: "en", width: 390, height: 844, colours: "light" },
  { name: "phone-arabic-dark", language: "ar", width: 390, height: 844, colours: "dark" },
];
const TILES = ["net_sales", "orders", "conversion", "abandonment"];
const PATIENCE_MS = 15_000;

function required(name) {
  const value = process.env[name];
  if (value) return value;
  console.error(`${name} is not set; it takes the server's address (MIZAN_URL) and a key that may read (MIZAN_KEY)`);
  process.exit(2);
}

async function overview(days) {
  const response = await fetch(`${url}/v1/overview?days=${days}`, { headers: { Authorization: `Bearer ${key}` } });
  assert.equal(response.status, 200, `GET /v1/overview: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

/** Net sales of the API's days, in ten-thousandths: added up here by another road than the page's. */
function netSales(answer) {
  return answer.sales.reduce((total, day) => {
    const [whole, fraction = ""] = day.net_sales.replace("-", "").split(".");
    const units = BigInt(whole + fraction.padEnd(4, "0"));
    return total + (day.net_sales.startsWith("-") ? -units : units);
  }, 0n);
}

/** The shortest period with sales in it, as people would choose it. */
async function periodWithSales() {
  for (const days of [30, 90, 0]) if ((await overview(days)).sales.length > 0) return days;
  assert.fail("the shop has no sales at all; import some and run `mizan run` first");
}

/** Runs in the page: whether the sales chart has pixels of the colour that the chosen period is shown in. */
function hasAccent() {
  const canvas = document.querySelector(".sales canvas");
  const button = document.querySelector('[aria-pressed="true"]');
  const [r, g, b] = getComputedStyle(button).backgroundColor.match(/\d+/g).map(Number);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 250 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 6) return true;
  }
  return false;
}

async function open(browser, view, days) {
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.height },
    colorScheme: view.colours,
    locale: view.language === "ar" ? "ar-SA" : "en-GB",
    deviceScaleFactor: view.width < 500 ? 2 : 1,
    reducedMotion: "reduce",
  });
  await context.addInitScript((period) => localStorage.setItem("mizan-period", String(period)), days);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const asked = request.url();
    if (!asked.startsWith(`${url}/`) && !asked.startsWith("data:")) faults.push(`asked elsewhere: ${asked}`);
    if (asked.includes(key)) faults.push("the key is in a request's address");
  });
  return { context, page, faults };
}

async function check(browser, view, days) {
  const { context, page, faults } = await open(browser, view, days);
  await page.goto(`${url}/#key=${encodeURIComponent(key)}`);
  const value = (tile) => page.locator(`[data-tile="${tile}"] [data-part="value"]`);
  await value("net_sales").waitFor({ timeout: PATIENCE_MS });
  assert.ok(!page.url().includes("key="), "the key is still in the address bar");

  for (const tile of TILES) assert.match(await value(tile).innerText(), /\d/, `the tile ${tile} has no number`);
  const root = page.locator("html");
  assert.equal(await root.getAttribute("lang"), view.language);
  assert.equal(await root.getAttribute("dir"), view.language === "ar" ? "rtl" : "ltr");

  // A live shop moves: what the page shows must be what the API says, then or a moment later.
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await overview(days);
    const shown = await value("net_sales").innerText();
    const decimals = /\.(\d+)/.exec(shown)?.[1]?.length ?? 0;
    const minus = /[-−]/.test(shown) ? -1n : 1n;
    // The page rounds the sum to the currency's own decimals.
    const unit = 10n ** BigInt(4 - decimals);
    const apart = 2n * (minus * BigInt(shown.replace(/\D/g, "")) * unit - netSales(answer));
    const same = apart <= unit && apart >= -unit;
    const orders = Number((await value("orders").innerText()).replace(/\D/g, ""));
    if (same && orders === answer.sales.reduce((all, day) => all + Number(day.orders), 0)) break;
    assert.ok(Date.now() < until, `the page shows ${shown} and ${orders} orders, which is not what the API says`);
    await page.waitForTimeout(500);
  }

  assert.ok(await page.evaluate(hasAccent), "the sales chart is not drawn in the page's colour");
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(beyond <= 0, `the page is ${beyond} pixels wider than the screen`);
  await page.waitForTimeout(700);
  if (folder) await page.screenshot({ path: join(folder, `${view.name}.png`), fullPage: true });

  const other = view.language === "ar" ? "en" : "ar";
  await page.locator('[data-part="language"]').click();
  await page.locator(`html[lang="${other}"]`).waitFor();
  assert.equal(await root.getAttribute("dir"), other === "ar" ? "rtl" : "ltr", "the direction does not follow the language");
  for (const tile of TILES) assert.match(await value(tile).innerText(), /\d/, `the tile ${tile} has no number in the other language`);

  assert.deepEqual(faults, []);
  await context.close();
}

/** No key: it asks for one; a wrong one: it says so; the right one: it opens. */
async function checkSignIn(browser) {
  const { context, page, faults } = await open(browser, VIEWS[0], 30);
  await page.goto(`${url}/`);
  await page.locator("#key").fill("mzn_not_a_key");
  await page.locator("form button").click();
  await page.getByRole("alert").waitFor({ timeout: PATIENCE_MS });
  if (folder) await page.screenshot({ path: join(folder, "sign-in.png") });
  // The browser itself reports the 401 that was asked for.
  const unexpected = faults.splice(0).filter((fault) => !fault.includes("401"));
  assert.deepEqual(unexpected, []);
  await page.locator("#key").fill(key);
  await page.locator("form button").click();
  await page.locator('[data-tile="orders"] [data-part="value"]').waitFor({ timeout: PATIENCE_MS });
  assert.deepEqual(faults, []);
  await context.close();
}

if (folder) mkdirSync(folder, { recursive: true });
const days = await periodWithSales();
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  for (const view of VIEWS) {
    await check(browser, view, days);
    console.log(`${view.name}: good`);
  }
  await checkSignIn(browser);
  console.log("sign-in: good");
} finally {
  await browser.close();
}
