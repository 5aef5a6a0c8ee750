// What is drawn over and under the points with a plain 2D canvas: lasso, rings, density. Never redraws the points.

import { contours, density, levels, shade } from "./density.js";
import { extent } from "./camera.js";
import { rgb } from "./panel.js";

const SIDE = 192;
/** Shares of the samples that contours enclose. */
const SHARES = [0.5, 0.8, 0.95];
/** Categories with contours of their own; above it one for all samples. */
const MOST_CATEGORIES = 12;

/** Prepare a canvas for a frame; returns its context, in CSS pixels. */
export function cleared(canvas, width, height, ratio) {
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  // Kept in memory: on the graphics card, beside the points, Chromium may go on showing a frame after it was cleared.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Everything inside a panel's part of the canvas, with its upper left corner as the origin. */
export function within(context, { left, top, width, height }, draw) {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.translate(left, top);
  draw();
  context.restore();
}

/** A lasso or box that is being drawn. */
export function path(context, places, tool, colour) {
  const [first, last] = [places[0], places[places.length - 1]];
  context.beginPath();
  if (tool === "box") context.rect(first[0], first[1], last[0] - first[0], last[1] - first[1]);
  else {
    context.moveTo(...first);
    for (const place of places.slice(1)) context.lineTo(...place);
    context.closePath();
  }
  context.fillStyle = colour;
  context.globalAlpha = 0.12;
  context.fill("evenodd");
  context.globalAlpha = 1;
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.setLineDash([5, 3]);
  context.stroke();
  context.setLineDash([]);
}

/** Where one sample goes: a line through its places, with a point at the last. */
export function route(context, places, colour, ground) {
  for (const [width, stroke] of [
    [4.5, ground],
    [2.25, colour],
  ]) {
    context.beginPath();
    context.moveTo(...places[0]);
    for (const place of places.slice(1)) context.lineTo(...place);
    context.lineWidth = width;
    context.strokeStyle = stroke;
    context.lineJoin = "round";
    context.stroke();
  }
  const [x, y] = places[places.length - 1];
  context.beginPath();
  context.arc(x, y, 3.5, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}

/** What belongs together, of which there may be hundreds: a thin line. */
export function link(context, places, colour) {
  context.beginPath();
  context.moveTo(...places[0]);
  for (const place of places.slice(1)) context.lineTo(...place);
  context.globalAlpha = 0.6;
  context.lineWidth = 1;
  context.strokeStyle = colour;
  context.stroke();
  context.globalAlpha = 1;
}

/** A ring around a place. */
export function ring(context, [x, y], radius, width, colour, ground) {
  for (const [line, stroke] of [
    [width + 2, ground],
    [width, colour],
  ]) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.lineWidth = line;
    context.strokeStyle = stroke;
    context.stroke();
  }
}

/** Where the keyboard would pick. */
export function cross(context, { width, height }, colour) {
  context.beginPath();
  for (const [dx, dy] of [
    [8, 0],
    [0, 8],
  ]) {
    context.moveTo(width / 2 - dx, height / 2 - dy);
    context.lineTo(width / 2 + dx, height / 2 + dy);
  }
  context.lineWidth = 1;
  context.strokeStyle = colour;
  context.stroke();
}

/** Density of the visible points of a two-dimensional map, of every category on its own if there are few. */
export function densities(panel, visible, ink) {
  if (panel.dimensions !== 2) return [];
  const positions = panel.current(performance.now());
  const ends = extent(positions, 2, visible);
  if (!ends) return [];
  const margin = [0, 1].map((axis) => 0.06 * (ends[1][axis] - ends[0][axis]) || 1e-6);
  const around = [ends[0].map((low, axis) => low - margin[axis]), ends[1].map((high, axis) => high + margin[axis])];
  const parts = groups(panel, visible, ink).map(({ counts, colour }) => {
    const grid = density(positions, counts, around, SIDE);
    return { colour, grid, lines: levels(grid, SHARES).map((level) => contours(grid, SIDE, level)) };
  });
  return parts.map((part) => ({ ...part, ends: around }));
}

function groups(panel, visible, ink) {
  const { kind, names, listed } = panel.colouring;
  if (kind !== "category" || names.length > MOST_CATEGORIES) return [{ counts: visible, colour: ink }];
  return listed.map(({ names: of, colour }) => {
    const table = Uint8Array.from(names, (name) => (of.includes(name) ? 1 : 0));
    const counts = new Uint8Array(visible.length);
    for (let i = 0; i < counts.length; i++) counts[i] = visible[i] & table[panel.values[i]];
    return { colour, counts };
  });
}

/** Lines around shares of the samples; the fewer a line encloses, the stronger it is. */
export function drawContours(context, panel, parts) {
  for (const { colour, lines, ends } of parts) {
    const [origin, far] = ends.map((corner) => panel.camera.toScreen(corner));
    const step = [(far[0] - origin[0]) / SIDE, (far[1] - origin[1]) / SIDE];
    const place = (x, y) => [origin[0] + (x + 0.5) * step[0], origin[1] + (y + 0.5) * step[1]];
    lines.forEach((segments, n) => {
      context.beginPath();
      for (let s = 0; s < segments.length; s += 4) {
        context.moveTo(...place(segments[s], segments[s + 1]));
        context.lineTo(...place(segments[s + 2], segments[s + 3]));
      }
      context.strokeStyle = colour;
      context.lineWidth = [2, 1.5, 1][n];
      context.stroke();
    });
  }
}

/** Clouds of colour under the points. */
export function drawShading(context, panel, parts) {
  for (const part of parts) {
    part.picture ??= picture(part);
    const [origin, far] = part.ends.map((corner) => panel.camera.toScreen(corner));
    context.imageSmoothingEnabled = true;
    context.globalAlpha = 0.55;
    context.drawImage(part.picture, origin[0], far[1], far[0] - origin[0], origin[1] - far[1]);
    context.globalAlpha = 1;
  }
}

function picture({ grid, colour }) {
  const made = document.createElement("canvas");
  made.width = made.height = SIDE;
  made.getContext("2d").putImageData(new ImageData(shade(grid, SIDE, rgb(colour).slice(0, 3)), SIDE, SIDE), 0, 0);
  return made;
}
