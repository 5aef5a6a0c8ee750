// What is shown and selected, 0 or 1 a point, from what the app and the user said.

import { combine } from "./shapes.js";

/** The points that neither the app's filter nor a legend hides. */
export function visible(count, shown, panels) {
  const found = shown ? unpacked(shown, count) : new Uint8Array(count).fill(1);
  for (const panel of panels) {
    const hidden = panel.hidden;
    if (hidden) for (let i = 0; i < count; i++) if (hidden[i]) found[i] = 0;
  }
  return found;
}

/** The points that shapes select, one shape after the other; null if a shape was drawn on a map that is not here. */
export function resolved(count, shapes, panels) {
  const selected = new Uint8Array(count);
  for (const shape of shapes) {
    let hit = null;
    for (const panel of panels) hit ??= panel.enclosed(shape);
    if (!hit) return null;
    combine(selected, hit, shape.mode);
  }
  return selected;
}

/** Bits, eight to a byte and the first the lowest, as bytes of 0 and 1. */
export function unpacked(bits, count) {
  const found = new Uint8Array(count);
  for (let i = 0; i < count; i++) found[i] = (bits[i >> 3] >> (i & 7)) & 1;
  return found;
}

export function total(flags, others) {
  let found = 0;
  for (let i = 0; i < flags.length; i++) if (flags[i] && (!others || others[i])) found++;
  return found;
}
