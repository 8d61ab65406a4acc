/** What the page shows, asked for again every few seconds. Old figures stay until new ones are there. */

import { type Alert, Api, type Asked, Fault, type Order, type Overview, type StockRow } from "./api";

const EVERY_MS = 5_000;
/** After a fault the wait doubles, up to this. */
const SLOWEST_MS = 60_000;
const STOCK_ROWS = 50;
const ORDER_ROWS = 10;

const PERIOD = "mizan-period";
export const PERIODS = [7, 30, 90, 0] as const;

function firstPeriod(): number {
  const kept = Number(localStorage.getItem(PERIOD) ?? "30");
  return PERIODS.some((days) => days === kept) ? kept : 30;
}

export class Live {
  overview = $state.raw<Overview | null>(null);
  stock = $state.raw<{ rows: StockRow[]; total: number } | null>(null);
  alerts = $state.raw<Alert[] | null>(null);
  orders = $state.raw<Order[] | null>(null);
  /** Why the last attempt failed; the figures shown are older. */
  fault = $state.raw<Fault | null>(null);
  updatedAt = $state<number | null>(null);
  asked = $state.raw<Asked>({ days: firstPeriod(), currency: null });
  /** The figures shown are of what was asked before. */
  changing = $state(false);

  readonly #api: Api;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;
  #waitMs = EVERY_MS;

  constructor(key: string) {
    this.#api = new Api(key);
  }

  start(): void {
    document.addEventListener("visibilitychange", this.#seen);
    void this.refresh();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#seen);
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  ask(asked: Partial<Asked>): void {
    this.asked = { ...this.asked, ...asked };
    localStorage.setItem(PERIOD, String(this.asked.days));
    this.changing = true;
    void this.refresh();
  }

  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const [overview, stock, alerts, orders] = await Promise.all([
        this.#api.overview(this.asked, asking.signal),
        this.#api.stock(STOCK_ROWS, asking.signal),
        this.#api.alerts(asking.signal),
        this.#api.orders(ORDER_ROWS, asking.signal),
      ]);
      if (asking.signal.aborted) return;
      this.overview = overview;
      this.stock = { rows: stock.stock, total: Number(stock.total) };
      this.alerts = alerts.alerts;
      this.orders = orders.orders;
      this.updatedAt = Date.now();
      this.fault = null;
      this.#waitMs = EVERY_MS;
      this.changing = false;
    } catch (error) {
      // The other questions of this round are of no use any more.
      if (asking.signal.aborted) return;
      asking.abort();
      this.fault = error instanceof Fault ? error : new Fault("server", String(error));
      this.#waitMs = Math.min(this.#waitMs * 2, SLOWEST_MS);
    }
    // A key that is refused stays refused: the page asks for another.
    if (this.fault?.kind === "key" || this.fault?.kind === "scope") return;
    if (document.visibilityState === "visible") this.#timer = setTimeout(() => void this.refresh(), this.#waitMs);
  }

  /** Nothing is asked while nobody looks. */
  readonly #seen = (): void => {
    if (document.visibilityState === "visible") void this.refresh();
    else clearTimeout(this.#timer);
  };
}
