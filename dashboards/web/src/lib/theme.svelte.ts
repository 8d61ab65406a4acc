/** The colours for charts, read from the one place that names them: app.css. Follows the reader's light or dark. */

const NAMES = ["ink", "soft", "line", "card", "accent", "accent-faint", "rest", "rest-faint", "left"] as const;
export type Colour = (typeof NAMES)[number];
export type Palette = Record<Colour, string> & { font: string };

function read(): Palette {
  const style = getComputedStyle(document.documentElement);
  // A probe, because a custom property holds `light-dark(…)` as it was written; a colour is computed on use.
  const probe = document.body.appendChild(document.createElement("i"));
  const entries = NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return { ...(Object.fromEntries(entries) as Record<Colour, string>), font: style.fontFamily };
}

class Theme {
  palette = $state.raw<Palette>(read());

  constructor() {
    const again = () => (this.palette = read());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  }
}

export const theme = new Theme();
