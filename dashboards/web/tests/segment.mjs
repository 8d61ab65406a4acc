// Sends messages through Segment's own SDK, told nothing but host and write key.
import { Analytics } from '@segment/analytics-node';

const analytics = new Analytics({ writeKey: process.env.MIZAN_KEY, host: process.env.MIZAN_URL, maxRetries: 0 });
let failed = null;
analytics.on('error', (error) => { failed = error; });
analytics.page({ anonymousId: 'v-1', name: 'Home', properties: { url: 'https://shop.example/' } });
analytics.track({
  anonymousId: 'v-1', event: 'Product Viewed',
  properties: { sku: 'OUD-1', price: 12.5, currency: 'KWD', name: 'دهن عود' },
});
analytics.track({
  anonymousId: 'v-2', event: 'Order Completed',
  properties: {
    order_id: '1001', currency: 'KWD', shipping: 1, total: 26,
    products: [{ sku: 'OUD-1', name: 'دهن عود', price: 12.5, quantity: 2 }],
  },
});
analytics.track({ anonymousId: 'v-2', event: 'Newsletter Signup', properties: { plan: 'weekly' } });
await analytics.closeAndFlush();
if (failed) {
  console.error(failed);
  process.exit(1);
}
