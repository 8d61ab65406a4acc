-- What state must remember so that the order in which events arrive does not matter: who told a field, when stock was
-- last counted, and what each event of an order does to stock.

-- Which event told which columns: [[time, event, bits of the columns], …]. Rows from before count as told by their
-- latest event.
ALTER TABLE orders ADD COLUMN told TEXT NOT NULL DEFAULT '[]';
UPDATE orders SET told = json_array(json_array(details_at, details_by, 32767)) WHERE details_at IS NOT NULL;
ALTER TABLE orders DROP COLUMN details_at;
ALTER TABLE orders DROP COLUMN details_by;
ALTER TABLE parcels ADD COLUMN told TEXT NOT NULL DEFAULT '[]';
UPDATE parcels SET told = json_array(json_array(moving_at, '', 7)) WHERE moving_at IS NOT NULL;
ALTER TABLE payments ADD COLUMN told TEXT NOT NULL DEFAULT '[]';
UPDATE payments SET told = json_array(json_array(first_at, '', 3), json_array(updated_at, '', 12));
ALTER TABLE products ADD COLUMN told TEXT NOT NULL DEFAULT '[]';
UPDATE products SET told = json_array(json_array(updated_at, '', 1023));
ALTER TABLE suppliers ADD COLUMN told TEXT NOT NULL DEFAULT '[]';
UPDATE suppliers SET told = json_array(json_array(updated_at, '', 7));
ALTER TABLE purchase_orders ADD COLUMN told TEXT NOT NULL DEFAULT '[]';
ALTER TABLE purchase_orders ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;

-- Of one amount told twice the earlier telling stands.
ALTER TABLE payment_amounts ADD COLUMN told_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE payment_amounts ADD COLUMN told_by TEXT NOT NULL DEFAULT '';
UPDATE payment_amounts SET told_at = (SELECT coalesce(p.captured_at, p.updated_at) FROM payments p
    WHERE p.shop = payment_amounts.shop AND p.provider = payment_amounts.provider
        AND p.payment_id = payment_amounts.payment_id)
    WHERE EXISTS (SELECT 1 FROM payments p WHERE p.shop = payment_amounts.shop
        AND p.provider = payment_amounts.provider AND p.payment_id = payment_amounts.payment_id);

-- What each event of an order says about stock, a row a line; an event without lines has one row without SKU.
CREATE TABLE order_stock (
    shop       TEXT NOT NULL,
    order_id   TEXT NOT NULL,
    event_time INTEGER NOT NULL,
    source     TEXT NOT NULL,
    event_id   TEXT NOT NULL,
    place      INTEGER NOT NULL,
    type       TEXT NOT NULL,
    sku        TEXT NOT NULL,
    location   TEXT NOT NULL,
    quantity   INTEGER NOT NULL,
    PRIMARY KEY (shop, order_id, event_time, source, event_id, place)
) STRICT, WITHOUT ROWID;

INSERT INTO order_stock
SELECT o.shop, o.order_id, o.content_at, '', o.content_by, coalesce(l.place, 0),
    CASE WHEN o.content_by LIKE '1%' THEN 'order.edited' ELSE 'order.placed' END,
    coalesce(l.sku, ''), 'default', coalesce(l.quantity, 0)
FROM orders o LEFT JOIN order_lines l ON l.shop = o.shop AND l.order_id = o.order_id
WHERE o.content_at IS NOT NULL;
INSERT INTO order_stock
SELECT shop, order_id, cancelled_at, '', 'cancelled', 0, 'order.cancelled', '', 'default', 0
FROM orders WHERE cancelled_at IS NOT NULL;
INSERT INTO order_stock
SELECT shop, order_id, returned_at, '', 'returned', 0, 'order.returned', '', 'default', 0
FROM orders WHERE returned_all;
INSERT INTO order_stock
SELECT m.shop, m.order_id, coalesce(o.returned_at, 0), '', 'returned lines',
    row_number() OVER (PARTITION BY m.shop, m.order_id ORDER BY m.sku, m.location), 'order.returned',
    m.sku, m.location, m.returned
FROM order_moves m LEFT JOIN orders o ON o.shop = m.shop AND o.order_id = m.order_id WHERE m.returned <> 0;
INSERT INTO order_stock
SELECT m.shop, m.order_id, coalesce(o.first_at, 0), '', 'sold',
    row_number() OVER (PARTITION BY m.shop, m.order_id ORDER BY m.sku, m.location), 'inventory.sold',
    m.sku, m.location, m.sold
FROM order_moves m LEFT JOIN orders o ON o.shop = m.shop AND o.order_id = m.order_id WHERE m.sold <> 0;
DROP TABLE order_moves;

-- The count that stands.
ALTER TABLE stock ADD COLUMN counted_at INTEGER;
ALTER TABLE stock ADD COLUMN counted_by TEXT;
UPDATE stock SET counted_by = '', counted_at = (SELECT max(m.event_time) FROM stock_movements m
    WHERE m.shop = stock.shop AND m.sku = stock.sku AND m.location = stock.location AND m.type = 'inventory.counted');
UPDATE stock SET counted_by = NULL WHERE counted_at IS NULL;

-- One event may have several entries in the ledger: what it moves itself, and what it changes about others.
ALTER TABLE stock_movements RENAME TO stock_movements_before;
CREATE TABLE stock_movements (
    shop              TEXT NOT NULL,
    sku               TEXT NOT NULL,
    location          TEXT NOT NULL,
    -- Place in the log of the event with which it was booked, and number among what was booked with it.
    position          INTEGER NOT NULL,
    entry             INTEGER NOT NULL,
    -- The event that moves the stock, which may be another.
    event_time        INTEGER NOT NULL,
    type              TEXT NOT NULL,
    source            TEXT NOT NULL,
    event_id          TEXT NOT NULL,
    order_id          TEXT,
    purchase_order_id TEXT,
    reason            TEXT,
    on_hand_change    INTEGER NOT NULL,
    reserved_change   INTEGER NOT NULL,
    incoming_change   INTEGER NOT NULL,
    on_hand           INTEGER NOT NULL,
    PRIMARY KEY (shop, sku, position, location, entry)
) STRICT, WITHOUT ROWID;
INSERT INTO stock_movements
SELECT shop, sku, location, position, 1, event_time, type, source, event_id, order_id, purchase_order_id, reason,
    on_hand_change, reserved_change, incoming_change, on_hand
FROM stock_movements_before;
DROP TABLE stock_movements_before;
