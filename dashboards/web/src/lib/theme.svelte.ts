/** The colours for charts, read from the one place that names them: app.css. Follows the reader's light or dark. */

const NAMES = ["ink", "soft", "line", "card", "accent", "accent-faint", "rest", "rest-faint", "left"] as const;
export type Colour = (typeof NAMES)[number];
export type Palette = Record<Colour, string> & { font: string };

function read(): Palette {
  const style = getComputedStyle(document.documentElement);
  const entries = NAMES.map((name) => {
    // A probe, because a custom property holds `light-dark(…)` as it was written; a colour is computed on use. Each has
    // its own, coloured before it is in the page: one that changes could be caught in a transition.
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return [name, colour];
  });
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
