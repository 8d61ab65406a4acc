-- Live state of every shop. All of it but `meta` (secret) and `keys` follows from the log and can be made again.
--
-- Amounts, prices and quantities are INTEGER ten-thousandths (12.5 is 125000): exact, summed and compared by SQLite
-- itself, and the same four places as the DECIMAL(18,4) of the lake. TEXT would be exact too, but SQLite would sum it
-- as floats; REAL is never used. Times are INTEGER microseconds UTC. Ids are compared byte by byte.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    shop             TEXT NOT NULL,
    order_id         TEXT NOT NULL,
    -- What follows from the facts below.
    status           TEXT NOT NULL,
    payment_status   TEXT NOT NULL,
    ordered_at       INTEGER NOT NULL,
    paid_at          INTEGER,
    captured         INTEGER NOT NULL,
    refunded         INTEGER NOT NULL,
    token            TEXT NOT NULL,
    -- Facts, each kept so that the order of arrival does not matter.
    first_at         INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    rung             INTEGER NOT NULL,
    placed_at        INTEGER,
    packed_at        INTEGER,
    shipped_at       INTEGER,
    delivered_at     INTEGER,
    moving_at        INTEGER,
    failed_at        INTEGER,
    cancelled_at     INTEGER,
    returned_at      INTEGER,
    paid_told_at     INTEGER,
    returned_all     INTEGER NOT NULL,
    returned_total   INTEGER NOT NULL,
    content_at       INTEGER,
    content_by       TEXT,
    details_at       INTEGER,
    details_by       TEXT,
    currency         TEXT,
    subtotal         INTEGER,
    discount         INTEGER,
    shipping         INTEGER,
    tax              INTEGER,
    total            INTEGER,
    payment_method   TEXT,
    channel          TEXT,
    checkout_id      TEXT,
    cart_id          TEXT,
    session_id       TEXT,
    customer_id      TEXT,
    customer_name    TEXT,
    customer_email   TEXT,
    customer_phone   TEXT,
    customer_tax_id  TEXT,
    language         TEXT,
    shipping_address TEXT,
    billing_address  TEXT,
    PRIMARY KEY (shop, order_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX orders_by_token ON orders (token);
CREATE INDEX orders_by_time ON orders (shop, ordered_at, order_id);

CREATE TABLE order_lines (
    shop       TEXT NOT NULL,
    order_id   TEXT NOT NULL,
    place      INTEGER NOT NULL,
    line_id    TEXT NOT NULL,
    sku        TEXT NOT NULL,
    name       TEXT,
    quantity   INTEGER NOT NULL,
    unit_price INTEGER NOT NULL,
    discount   INTEGER NOT NULL,
    tax        INTEGER,
    tax_rate   INTEGER,
    PRIMARY KEY (shop, order_id, place)
) STRICT, WITHOUT ROWID;

-- What came back of an order, and what a till reported as sold for it before its lines were known.
CREATE TABLE order_moves (
    shop     TEXT NOT NULL,
    order_id TEXT NOT NULL,
    sku      TEXT NOT NULL,
    location TEXT NOT NULL,
    returned INTEGER NOT NULL,
    sold     INTEGER NOT NULL,
    PRIMARY KEY (shop, order_id, sku, location)
) STRICT, WITHOUT ROWID;

-- The timeline.
CREATE TABLE order_events (
    shop            TEXT NOT NULL,
    order_id        TEXT NOT NULL,
    position        INTEGER NOT NULL,
    event_time      INTEGER NOT NULL,
    type            TEXT NOT NULL,
    source          TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    parcel_id       TEXT,
    carrier         TEXT,
    tracking_number TEXT,
    reason          TEXT,
    provider        TEXT,
    method          TEXT,
    amount          INTEGER,
    currency        TEXT,
    PRIMARY KEY (shop, order_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE parcels (
    shop            TEXT NOT NULL,
    order_id        TEXT NOT NULL,
    parcel_id       TEXT NOT NULL,
    rung            INTEGER NOT NULL,
    moving_at       INTEGER,
    failed_at       INTEGER,
    shipped_at      INTEGER,
    delivered_at    INTEGER,
    carrier         TEXT,
    tracking_number TEXT,
    tracking_url    TEXT,
    PRIMARY KEY (shop, order_id, parcel_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE payments (
    shop          TEXT NOT NULL,
    provider      TEXT NOT NULL,
    payment_id    TEXT NOT NULL,
    order_id      TEXT,
    status        TEXT NOT NULL,
    method        TEXT,
    currency      TEXT,
    authorized    INTEGER NOT NULL,
    captured      INTEGER NOT NULL,
    refunded      INTEGER NOT NULL,
    fee           INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    first_at      INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    captured_at   INTEGER,
    voided_at     INTEGER,
    failed_at     INTEGER,
    decline_code  TEXT,
    disputed_at   INTEGER,
    dispute_closed_at INTEGER,
    PRIMARY KEY (shop, provider, payment_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX payments_by_order ON payments (shop, order_id) WHERE order_id IS NOT NULL;

-- Single captures, refunds and fees, so that one told twice under another event id counts once.
CREATE TABLE payment_amounts (
    shop       TEXT NOT NULL,
    provider   TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    kind       TEXT NOT NULL,
    fact       TEXT NOT NULL,
    amount     INTEGER NOT NULL,
    PRIMARY KEY (shop, provider, payment_id, kind, fact)
) STRICT, WITHOUT ROWID;

CREATE TABLE stock (
    shop          TEXT NOT NULL,
    sku           TEXT NOT NULL,
    location      TEXT NOT NULL,
    on_hand       INTEGER NOT NULL,
    reserved      INTEGER NOT NULL,
    incoming      INTEGER NOT NULL,
    reorder_point INTEGER,
    state         INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (shop, sku, location)
) STRICT, WITHOUT ROWID;

CREATE INDEX stock_by_state ON stock (shop, state, sku, location);

-- The ledger: every change of stock, with the event that caused it.
CREATE TABLE stock_movements (
    shop              TEXT NOT NULL,
    sku               TEXT NOT NULL,
    location          TEXT NOT NULL,
    position          INTEGER NOT NULL,
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
    PRIMARY KEY (shop, sku, position, location)
) STRICT, WITHOUT ROWID;

-- Pieces sold by shop day, for the reorder rule.
CREATE TABLE stock_sold (
    shop     TEXT NOT NULL,
    sku      TEXT NOT NULL,
    location TEXT NOT NULL,
    day      INTEGER NOT NULL,
    sold     INTEGER NOT NULL,
    PRIMARY KEY (shop, sku, location, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE products (
    shop           TEXT NOT NULL,
    sku            TEXT NOT NULL,
    name           TEXT,
    category       TEXT,
    unit_price     INTEGER,
    unit_cost      INTEGER,
    currency       TEXT,
    supplier       TEXT,
    lead_time_days INTEGER,
    min_order_qty  INTEGER,
    pack_size      INTEGER,
    reorder_point  INTEGER,
    updated_at     INTEGER NOT NULL,
    PRIMARY KEY (shop, sku)
) STRICT, WITHOUT ROWID;

CREATE TABLE suppliers (
    shop           TEXT NOT NULL,
    supplier       TEXT NOT NULL,
    name           TEXT,
    lead_time_days INTEGER,
    min_order_qty  INTEGER,
    updated_at     INTEGER NOT NULL,
    PRIMARY KEY (shop, supplier)
) STRICT, WITHOUT ROWID;

-- A row with an empty sku says that the whole purchase order was cancelled.
CREATE TABLE purchase_orders (
    shop              TEXT NOT NULL,
    purchase_order_id TEXT NOT NULL,
    sku               TEXT NOT NULL,
    location          TEXT,
    placed            INTEGER NOT NULL,
    received          INTEGER NOT NULL,
    cancelled         INTEGER NOT NULL,
    supplier          TEXT,
    eta               INTEGER,
    PRIMARY KEY (shop, purchase_order_id, sku)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
    shop               TEXT NOT NULL,
    kind               TEXT NOT NULL,
    sku                TEXT NOT NULL,
    location           TEXT NOT NULL,
    raised_position    INTEGER NOT NULL,
    raised_at          INTEGER NOT NULL,
    raised_by          TEXT NOT NULL,
    closed_position    INTEGER,
    closed_at          INTEGER,
    message            TEXT NOT NULL,
    available          INTEGER NOT NULL,
    incoming           INTEGER NOT NULL,
    reorder_point      INTEGER,
    sold_30_days       INTEGER NOT NULL,
    lead_time_days     INTEGER NOT NULL,
    suggested_quantity INTEGER,
    PRIMARY KEY (shop, kind, sku, location, raised_position)
) STRICT, WITHOUT ROWID;

CREATE INDEX alerts_open ON alerts (shop, sku) WHERE closed_position IS NULL;

-- Last number given out in each series and year.
CREATE TABLE invoice_numbers (
    shop   TEXT NOT NULL,
    series TEXT NOT NULL,
    year   INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    PRIMARY KEY (shop, series, year)
) STRICT, WITHOUT ROWID;

-- Invoices and credit notes, as they were issued. Rows are only ever added.
CREATE TABLE invoices (
    shop     TEXT NOT NULL,
    number   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    order_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    total    INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (shop, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX invoices_by_order ON invoices (shop, order_id);

CREATE TRIGGER invoices_never_change BEFORE UPDATE ON invoices
BEGIN SELECT RAISE(ABORT, 'an issued document never changes'); END;
CREATE TRIGGER invoices_never_go BEFORE DELETE ON invoices
BEGIN SELECT RAISE(ABORT, 'an issued document is never deleted'); END;

-- Events that could not be read; nothing of them is in the state.
CREATE TABLE unreadable_events (
    position INTEGER PRIMARY KEY,
    reason   TEXT NOT NULL
) STRICT;

CREATE TABLE keys (
    hash       BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    shop       TEXT,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX keys_by_name ON keys (name) WHERE revoked_at IS NULL;
