/* Mizan's beacon: <script async src="https://YOUR-HOST/mizan.js" data-key="mzn_…"></script>
 *
 * Sends what a visitor does in the shop. Without consent nothing is stored in the browser: ids live as long as the page.
 * Consent is `data-consent="granted"` on the tag, or mizan('consent', true) later; mizan('consent', false) forgets.
 *
 * mizan('add_to_cart', {sku, quantity, unit_price, currency})   an event, by GA4's name
 * mizan('set', {customer_id, cart_id, checkout_id})             what the following events carry
 * E-commerce events that the shop pushes to GA4's dataLayer are sent as well.
 */
(function (window, document) {
  'use strict';
  var script = document.currentScript;
  var key = script && script.getAttribute('data-key');
  if (!key || window.mizan && window.mizan.loaded) return;
  var endpoint = new URL('/v1/collect', script.src).href;
  var IDLE_MS = 30 * 60 * 1000;
  var BATCH = 50;
  // Browsers take 64 KB of unfinished beacons.
  var BEACON_CHARS = 60000;
  var queue = [], timer = null, extra = {}, page = {}, referrer = document.referrer;

  function uuid() {
    if (window.crypto && crypto.randomUUID) return crypto.randomUUID();
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.prototype.map.call(bytes, function (byte) { return ('0' + byte.toString(16)).slice(-2); }).join('');
  }

  // Storage may be closed by the browser or full; then ids live as long as the page, as without consent.
  var memory = {};
  var consent = false;
  function read(name) {
    try { return consent && localStorage.getItem('mizan_' + name) || memory[name]; } catch (_) { return memory[name]; }
  }
  function write(name, value) {
    memory[name] = value;
    try { if (consent) localStorage.setItem('mizan_' + name, value); } catch (_) { /* as above */ }
  }
  function forget() {
    try {
      Object.keys(localStorage).forEach(function (name) { if (name.indexOf('mizan_') === 0) localStorage.removeItem(name); });
    } catch (_) { /* as above */ }
  }
  function allow(granted) {
    if (granted && !consent) {
      consent = true;
      if (!read('visitor')) memory.visitor = uuid();
      for (var name in memory) write(name, read(name) || memory[name]);
      write('consent', '1');
    } else if (!granted) {
      consent = false;
      memory = {};
      forget();
    }
  }

  function remembered() {
    try { return localStorage.getItem('mizan_consent') === '1'; } catch (_) { return false; }
  }

  function session() {
    var now = Date.now();
    var id = read('session');
    if (!id || now - Number(read('seen') || 0) > IDLE_MS) {
      id = uuid();
      write('session', id);
    }
    write('seen', String(now));
    return id;
  }

  function device() {
    var agent = navigator.userAgent;
    if (/iPad|Tablet|PlayBook|Silk|Android(?!.*Mobile)/i.test(agent)) return 'tablet';
    return /Mobi|iPhone|Android/i.test(agent) ? 'mobile' : 'desktop';
  }

  function seePage() {
    var query = new URLSearchParams(location.search);
    page = { page_url: location.href, referrer: referrer || null, language: document.documentElement.lang || navigator.language };
    ['source', 'medium', 'campaign', 'term', 'content'].forEach(function (part) {
      var value = query.get('utm_' + part);
      if (value) page['utm_' + part] = value;
    });
  }

  function context(params) {
    var given = { visitor_id: consent ? read('visitor') : null, session_id: session(), device: device() };
    Object.assign(given, page, extra);
    // A cart that the shop does not number is numbered here, from its first piece on.
    if (!given.cart_id && !params.cart_id && read('cart')) given.cart_id = read('cart');
    return given;
  }

  function send(name, params) {
    if (typeof name !== 'string') return;
    params = params || {};
    if (name === 'add_to_cart' && !extra.cart_id && !read('cart')) write('cart', uuid());
    queue.push({ id: uuid(), name: name, at: Date.now(), params: params, context: context(params) });
    if (name === 'purchase') write('cart', '');
    if (queue.length >= BATCH) flush(false);
    else if (!timer) timer = setTimeout(function () { flush(false); }, 1000);
  }

  function body(events) {
    return JSON.stringify({ key: key, sent_at: Date.now(), context: {}, events: events });
  }

  function flush(leaving) {
    clearTimeout(timer);
    timer = null;
    while (queue.length) {
      var events = queue.splice(0, BATCH);
      var text = body(events);
      while (leaving && text.length > BEACON_CHARS && events.length > 1) {
        queue.unshift(events.pop());
        text = body(events);
      }
      if (leaving && navigator.sendBeacon && navigator.sendBeacon(endpoint, text)) continue;
      post(text, events);
    }
  }

  // As plain text, so that a browser need not ask first. What fails is sent again with the next: ids make it count once.
  function post(text, events) {
    fetch(endpoint, { method: 'POST', body: text, keepalive: text.length < BEACON_CHARS, credentials: 'omit' })
      .then(function (answer) { if (answer.status === 429 || answer.status >= 500) again(events); })
      .catch(function () { again(events); });
  }
  function again(events) {
    if (queue.length > 500) return;
    queue = events.concat(queue);
    if (!timer) timer = setTimeout(function () { flush(false); }, 10000);
  }

  // GA4's dataLayer: objects {event, ecommerce}, and the arguments of gtag('event', name, params).
  function fromDataLayer(entry) {
    if (!entry) return;
    if (entry[0] === 'event' && entry[2] && (entry[2].items || entry[2].transaction_id)) send(entry[1], entry[2]);
    else if (entry.event && entry.ecommerce) send(entry.event, entry.ecommerce);
  }
  function watchDataLayer() {
    var layer = (window.dataLayer = window.dataLayer || []);
    Array.prototype.forEach.call(layer, fromDataLayer);
    var push = layer.push;
    layer.push = function () {
      Array.prototype.forEach.call(arguments, fromDataLayer);
      return push.apply(layer, arguments);
    };
  }

  function moved() {
    if (location.href === page.page_url) return;
    referrer = page.page_url;
    seePage();
    send('page_view');
  }
  ['pushState', 'replaceState'].forEach(function (name) {
    var own = history[name];
    history[name] = function () {
      var result = own.apply(this, arguments);
      setTimeout(moved, 0);
      return result;
    };
  });
  window.addEventListener('popstate', moved);
  document.addEventListener('visibilitychange', function () { if (document.visibilityState === 'hidden') flush(true); });
  window.addEventListener('pagehide', function () { flush(true); });

  function mizan(command, value) {
    if (command === 'consent') allow(!!value);
    else if (command === 'set') Object.assign(extra, value);
    else send(command, value);
  }
  var waiting = window.mizan && window.mizan.q || [];
  mizan.loaded = true;
  window.mizan = mizan;
  if (script.getAttribute('data-consent') === 'granted' || remembered()) allow(true);
  seePage();
  send('page_view');
  watchDataLayer();
  waiting.forEach(function (call) { mizan.apply(null, call); });
})(window, document);
