// The map as a picture: ground, points, density, titles and legend, twice as fine as the screen.

import * as overlay from "./overlay.js";

const FINER = 2;
const LINE = 20;

export async function save(view) {
  const { width, height } = view.slots.getBoundingClientRect();
  const ratio = devicePixelRatio * FINER;
  const { text, ground, font } = view.frames.colours();
  const lines = view.panels.map((panel) => legendLines(panel));
  const isStacked = view.panels.length === 2 && view.panels[0].part.left === view.panels[1].part.left;
  const below = LINE * ((isStacked ? lines.flat().length : Math.max(...lines.map((l) => l.length))) + 1);
  const made = document.createElement("canvas");
  const context = overlay.cleared(made, width, height + below, ratio);
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height + below);
  // Points are drawn anew at that size, then once more at the screen's.
  view.frames.points(width, height, ratio, performance.now());
  for (const layer of [view.under, view.canvas]) context.drawImage(layer, 0, 0, width, height);
  const over = document.createElement("canvas");
  view.frames.over(over, width, height, ratio);
  context.drawImage(over, 0, 0, width, height);
  view.frames.invalidate();
  context.font = `13px ${font}`;
  context.textBaseline = "middle";
  view.panels.forEach((panel, n) => {
    const { left, top } = panel.part;
    const title = view.state.panels[n].title;
    context.fillStyle = text;
    if (title) context.fillText(title, left + 8, top + 14);
    lines[n].forEach((line, m) => {
      const y = height + LINE * (m + 0.7 + (isStacked && n ? lines[0].length : 0));
      let x = left + 8;
      for (const { colour, name } of line) {
        if (colour) {
          context.fillStyle = colour;
          context.beginPath();
          context.arc(x + 5, y, 5, 0, 2 * Math.PI);
          context.fill();
          x += 16;
        }
        context.fillStyle = text;
        context.fillText(name, x, y);
        x += context.measureText(name).width + 14;
      }
    });
  });
  const blob = await new Promise((done) => made.toBlob(done, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${view.state.name}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** Entries of a panel's legend, line by line. */
function legendLines({ colouring, chosen, part }) {
  const entries =
    colouring.kind === "number"
      ? [
          { name: `${colouring.title}: ${colouring.range[0].toPrecision(3)}` },
          ...[0, 0.25, 0.5, 0.75, 1].map((at) => ({ name: "", colour: colouring.ramp[Math.round(at * (colouring.ramp.length - 1))] })),
          { name: colouring.range[1].toPrecision(3) },
        ]
      : colouring.listed
          .filter(({ names }) => !names.every((name) => chosen.hidden.includes(name)))
          .map(({ name, colour }) => ({ name, colour }));
  const lines = [[]];
  let used = 0;
  for (const entry of entries) {
    const wide = 30 + 7 * entry.name.length;
    if (used + wide > part.width && lines.at(-1).length) {
      lines.push([]);
      used = 0;
    }
    lines.at(-1).push(entry);
    used += wide;
  }
  return lines;
}
