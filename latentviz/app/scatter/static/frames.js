// When and what is drawn: frames on demand, the points, and what lies under and over them.

import * as overlay from "./overlay.js";
import { pointSize } from "./panel.js";

/** Milliseconds after which the map no longer waits for the page. */
const PATIENCE = 500;
/** Points that a processor draws in an instant. */
const FEW = 20_000;

/** Draws a view. Points are drawn anew only if they changed; the pointer and a lasso change the canvas over them. */
export class Frames {
  constructor(view) {
    this.view = view;
    this.density = null;
    this.waiting = null;
  }

  /** Ask for a frame; several requests make one. `density`: points are shown elsewhere, or others are shown. */
  invalidate({ density = false, points = true } = {}) {
    if (density) this.density = null;
    this.isDirty ||= points;
    this.frame ??= requestAnimationFrame((now) => this.draw(now));
  }

  /**
   * Ask for a frame that comes after the page's answer to what the user did: where the processor draws, it would else
   * draw on the very cores that the answer needs, and the user would wait for both. A graphics card draws at once.
   */
  invalidateAfterAnswer() {
    if (!this.view.painter.isSoftware || this.view.state.count <= FEW) return this.invalidate();
    this.waiting ??= setTimeout(() => this.answered(), PATIENCE);
  }

  /** The page has answered; its own frame goes first. */
  answered() {
    if (this.waiting === null) return;
    clearTimeout(this.waiting);
    this.waiting = null;
    requestAnimationFrame(() => setTimeout(() => this.invalidate()));
  }

  stop() {
    if (this.frame) cancelAnimationFrame(this.frame);
    clearTimeout(this.waiting);
  }

  draw(now) {
    const { view } = this;
    this.frame = null;
    if (!view.state || view.painter.isLost) return;
    const { width, height } = view.slots.getBoundingClientRect();
    if (this.isDirty) {
      this.points(width, height, devicePixelRatio, now);
      clearTimeout(this.waiting);
      this.waiting = null;
      this.isDirty = false;
    }
    this.over(view.over, width, height, devicePixelRatio);
    view.tell({ selected: view.chosen });
    const wasMoving = view.panels.some((panel) => panel.isMoving);
    for (const panel of view.panels) panel.tick(now);
    if (wasMoving) this.invalidate({ density: true });
  }

  points(width, height, ratio, now) {
    const { painter, panels, look, under, visible } = this.view;
    painter.clear(width, height, ratio);
    for (const panel of panels) panel.draw(look, ratio, now);
    const context = overlay.cleared(under, width, height, ratio);
    if (look.density === "none" || panels.some((panel) => panel.isMoving)) return;
    this.density ??= panels.map((panel) => overlay.densities(panel, visible, this.colours().text));
    if (look.density !== "shading") return;
    panels.forEach((panel, n) =>
      overlay.within(context, panel.part, () => overlay.drawShading(context, panel, this.density[n])),
    );
  }

  over(canvas, width, height, ratio) {
    const { panels, look, state, visible, hover, single, drawing, slots } = this.view;
    const context = overlay.cleared(canvas, width, height, ratio);
    const { text, accent, ground } = this.colours();
    const radius = (pointSize(state.count) * look.size) / 2 + 3;
    panels.forEach((panel, n) =>
      overlay.within(context, panel.part, () => {
        const ring = (row, ...how) => {
          const place = row !== null && row < state.count && visible[row] && panel.seen(row);
          if (place) overlay.ring(context, place, ...how, ground);
        };
        if (look.density === "contours" && this.density) overlay.drawContours(context, panel, this.density[n]);
        for (const { rows, colour, thin } of state.paths) {
          const places = rows.filter((row) => visible[row]).map((row) => panel.seen(row)).filter(Boolean);
          if (places.length > 1) overlay[thin ? "link" : "route"](context, places, colour ?? text, ground);
        }
        for (const row of state.marked) ring(row, radius, 1.25, text);
        ring(single, radius + 2, 3, accent);
        ring(hover, radius, 2, accent);
        if (drawing?.panel === panel) overlay.path(context, drawing.path, drawing.tool, accent);
        if (slots.children[n].matches(":focus-visible")) overlay.cross(context, panel.part, text);
      }),
    );
  }

  /** The page's colours and font. */
  colours() {
    const style = getComputedStyle(this.view.root);
    const of = (name, usual) => style.getPropertyValue(name).trim() || usual;
    return {
      text: of("--st-text-color", "#1c2430"),
      accent: of("--st-primary-color", "#2f6fc4"),
      ground: of("--st-background-color", "#ffffff"),
      font: of("--st-font", "sans-serif"),
    };
  }
}
