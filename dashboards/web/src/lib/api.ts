/** The API, typed: what the page asks and what it gets. Amounts are decimal text; counts may come as text too. */

export type Decimal = string;
/** A 64-bit count: text where it is exact, a number where it is small. */
export type Count = number | string;

export interface SalesDay {
  day: string;
  orders: Count;
  units: Count;
  gross_sales: Decimal;
  discounts: Decimal;
  returns: Decimal;
  net_sales: Decimal;
  shipping: Decimal;
  tax: Decimal;
  total: Decimal;
}

export const FUNNEL_STEPS = ["sessions", "product_view", "add_to_cart", "begin_checkout", "payment_attempt", "purchase"] as const;
export type FunnelStep = (typeof FUNNEL_STEPS)[number];

export const POPULATIONS = ["cart", "checkout", "payment"] as const;
export type Population = (typeof POPULATIONS)[number];

export interface Abandonment {
  population: Population;
  started: Count;
  converted: Count;
  abandoned: Count;
  open: Count;
  emptied: Count;
  recovered: Count;
  value_abandoned: Decimal | null;
}

export interface Overview {
  shop: { name: string; currency: string; timezone: string };
  as_of: string;
  from: string;
  to: string;
  /** The currency of every amount; the shop's own where absent. */
  currency?: string;
  currencies: string[];
  sales: SalesDay[];
  previous: {
    orders?: Count | null;
    net_sales?: Decimal | null;
    sessions?: Count | null;
    purchases?: Count | null;
    carts_abandoned?: Count | null;
    carts_converted?: Count | null;
  };
  funnel: Partial<Record<FunnelStep, Count | null>>;
  funnel_days: { day: string; sessions: Count; purchase: Count }[];
  abandonment: Abandonment[];
  /** Carts by the day they were begun. */
  abandonment_days?: { day: string; abandoned: Count; converted: Count }[];
}

export interface StockRow {
  sku: string;
  name: string | null;
  location: string;
  on_hand: Decimal | number;
  reserved: Decimal | number;
  available: Decimal | number;
  state: "out" | "low" | "ok";
  updated_at: string;
}

export interface Alert {
  id: string | number;
  kind: string;
  subject: string;
  message: string;
  raised_at: string;
  state: string;
}

export interface Order {
  order_id: string;
  placed_at: string | null;
  status: string;
  payment_status: string | null;
  total: Decimal | null;
  currency: string | null;
  customer_name: string | null;
}

export interface Asked {
  /** The last so many days; 0 is all of them. */
  days: number;
  currency: string | null;
}

export type FaultKind = "key" | "scope" | "busy" | "offline" | "server";

/** Why there is no answer, and the server's own words for it. */
export class Fault extends Error {
  constructor(
    readonly kind: FaultKind,
    readonly detail: string,
  ) {
    super(detail);
  }
}

const TIMEOUT_MS = 30_000;

export class Api {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  overview({ days, currency }: Asked, signal: AbortSignal): Promise<Overview> {
    const query = new URLSearchParams({ days: String(days) });
    if (currency) query.set("currency", currency);
    return this.#get(`/v1/overview?${query}`, signal);
  }

  stock(limit: number, signal: AbortSignal): Promise<{ stock: StockRow[]; total: Count }> {
    return this.#get(`/v1/stock?limit=${limit}`, signal);
  }

  alerts(signal: AbortSignal): Promise<{ alerts: Alert[] }> {
    return this.#get("/v1/alerts", signal);
  }

  orders(limit: number, signal: AbortSignal): Promise<{ orders: Order[] }> {
    return this.#get(`/v1/orders?limit=${limit}`, signal);
  }

  async #get<T>(path: string, signal: AbortSignal): Promise<T> {
    const headers = { Accept: "application/json", Authorization: `Bearer ${this.#key}` };
    let response: Response;
    try {
      response = await fetch(path, { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Fault("offline", "");
    }
    if (response.ok) return (await response.json()) as T;
    throw new Fault(kindOf(response.status), await detailOf(response));
  }
}

function kindOf(status: number): FaultKind {
  if (status === 401) return "key";
  if (status === 403) return "scope";
  return status === 503 || status === 429 ? "busy" : "server";
}

/** The sentence of an RFC 9457 problem, or the status where there is none. */
async function detailOf(response: Response): Promise<string> {
  const fallback = `${response.status} ${response.statusText}`.trim();
  try {
    const problem: unknown = await response.json();
    if (problem && typeof problem === "object" && "detail" in problem && typeof problem.detail === "string") return problem.detail;
  } catch {
    // Not JSON: a proxy's own page.
  }
  return fallback;
}
