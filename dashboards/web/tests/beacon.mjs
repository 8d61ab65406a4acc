// A shop's page of another origin with Mizan's script in it, visited in a real browser.
import http from 'node:http';
import { chromium } from 'playwright-core';

const { MIZAN_URL, MIZAN_KEY, CHROMIUM } = process.env;
const page = (head = '') => `<!doctype html><html lang="ar"><head><meta charset="utf-8">${head}
  <script async src="${MIZAN_URL}/mizan.js" data-key="${MIZAN_KEY}"></script></head><body>متجر</body></html>`;
const shop = http.createServer((request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(request.url.startsWith('/bare') ? '<!doctype html><title>elsewhere</title>' : page());
});
await new Promise((resolve) => shop.listen(0, '127.0.0.1', resolve));
const address = `http://127.0.0.1:${shop.address().port}`;
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });

function check(fine, what) {
  if (!fine) throw new Error(what);
}
const stored = (tab) => tab.evaluate(() => Object.keys(localStorage).filter((name) => name.startsWith('mizan_')).length
  + document.cookie.length + Object.keys(sessionStorage).length);
const loaded = (tab) => tab.waitForFunction(() => window.mizan && window.mizan.loaded);
const pause = (tab) => tab.waitForTimeout(50);

try {
  const context = await browser.newContext();
  const tab = await context.newPage();
  const told = [];
  tab.on('console', (message) => { if (message.type() === 'error' && !/favicon/.test(message.text())) told.push(message.text()); });
  tab.on('pageerror', (error) => told.push(String(error)));

  // Without consent. The last events are sent while the page is being left.
  await tab.goto(`${address}/?utm_source=newsletter`);
  await loaded(tab);
  await pause(tab);
  await tab.evaluate(() => window.mizan('add_to_cart', { sku: 'OUD-1', quantity: 1, unit_price: '12.500', currency: 'KWD' }));
  await pause(tab);
  await tab.evaluate(() => window.mizan('begin_checkout', { value: 12.5, currency: 'KWD' }));
  check(await stored(tab) === 0, 'something was stored before consent');
  await tab.goto(`${address}/bare`);
  await pause(tab);

  await tab.goto(`${address}/second`);
  await loaded(tab);
  await pause(tab);
  await tab.evaluate(() => window.mizan('consent', true));
  check(await stored(tab) > 0, 'nothing was stored after consent');
  await pause(tab);

  // Consent is remembered; what is pushed to GA4's dataLayer is sent too.
  await tab.goto(`${address}/third`);
  await loaded(tab);
  await pause(tab);
  await tab.evaluate(() => {
    window.dataLayer.push({ event: 'view_item', ecommerce: { currency: 'KWD', value: 3.25, items: [{ item_id: 'OUD-2', price: 3.25 }] } });
  });
  await pause(tab);
  await tab.evaluate(() => {
    function gtag() { window.dataLayer.push(arguments); }
    gtag('event', 'purchase', { transaction_id: '1002', currency: 'KWD', value: 3.25, items: [{ item_id: 'OUD-2', price: 3.25, quantity: 1 }] });
  });
  await pause(tab);
  await tab.goto(`${address}/bare`);
  await tab.waitForTimeout(300);
  // Taken back: everything is forgotten.
  await tab.goto(`${address}/bare`);
  check(told.length === 0, told.join('\n'));
} finally {
  await browser.close();
  shop.close();
}
