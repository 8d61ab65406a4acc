/** The key of the person at the page: for this tab, until it is closed or they sign out. */

const NAME = "mizan-key";

/** Takes a key from the address (`#key=…`), which never reaches a server, and wipes it from there. */
export function keyFromAddress(): string | null {
  const key = new URLSearchParams(location.hash.slice(1)).get("key")?.trim();
  if (!key) return null;
  history.replaceState(null, "", location.pathname + location.search);
  keep(key);
  return key;
}

export function keptKey(): string | null {
  return sessionStorage.getItem(NAME);
}

export function keep(key: string): void {
  sessionStorage.setItem(NAME, key);
}

export function forget(): void {
  sessionStorage.removeItem(NAME);
}
