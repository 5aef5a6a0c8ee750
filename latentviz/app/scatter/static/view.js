// The map as a whole: one or two panels in one WebGL context, what the app says of them, and what the user does.

import { Card } from "./card.js";
import { dress } from "./dress.js";
import { Frames } from "./frames.js";
import { listen } from "./gestures.js";
import { element, number } from "./legend.js";
import { Panel } from "./panel.js";
import { Painter } from "./points.js";
import { section } from "./sections.js";
import { combine } from "./shapes.js";
import { save } from "./snapshot.js";
import { resolved, total, unpacked, visible } from "./state.js";
import { toolbar } from "./toolbar.js";

/** Views of maps that are not on the page now, so that coming back finds them as they were. */
const left = new Map();

/** Milliseconds within which two clicks are a double click. */
const TWICE = 700;

const LOST = "The graphics card was reset; the map comes back by itself.";

export class View {
  /**
   * @param {HTMLElement} root is filled
   * @param {object} host told(selection), hidden(names), describe(address, row): what the page does with what the user
   *   did; `told` is true if a state comes as an answer
   * @throws if there is no WebGL2
   */
  constructor(root, host) {
    this.root = root;
    this.host = host;
    this.look = { tool: "move", mode: "replace", size: 1, opacity: 0.85, density: "none" };
    this.panels = [];
    this.shapes = [];
    this.hidden = {}; // categories by the title of the colour
    this.by = Math.random().toString(36).slice(2);
    this.serial = this.since = this.hides = this.turn = 0;
    this.hover = this.single = null;
    this.build();
    this.painter = new Painter(this.canvas);
    this.frames = new Frames(this);
    this.watch();
  }

  // ------------------------------------------------------------------------------------------------- the page

  build() {
    const { root } = this;
    const part = (name, tag = "div") => (this[name] = element(tag, name));
    part("bar").setAttribute("role", "toolbar");
    this.bar.setAttribute("aria-label", "Map tools");
    part("stage");
    part("under", "canvas");
    part("canvas", "canvas");
    part("over", "canvas");
    part("slots");
    part("card").hidden = true;
    part("problem").setAttribute("role", "alert");
    this.problem.hidden = true;
    this.stage.append(this.under, this.canvas, this.over, this.slots, this.problem, this.card);
    part("slider").hidden = true;
    part("said").setAttribute("role", "status");
    part("legends");
    root.replaceChildren(this.bar, this.stage, this.slider, this.said, this.legends);
    this.cardOf = new Card(this.card, (panel, row) => this.host.describe(this.state.panels[panel].sample, row));
    this.tell = toolbar(this.bar, this.look, {
      changed: () => this.frames.invalidate(),
      fit: () => this.fit(),
      clear: () => this.select([]),
      picture: () => save(this),
    });
  }

  watch() {
    const resize = new ResizeObserver(() => this.arrange());
    resize.observe(this.stage);
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault(); // else it is never restored
      this.trouble(LOST);
    });
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.painter.restore();
      if (!this.state) return;
      for (const panel of this.panels) panel.restore(this.groups, [this.visible, this.selected]);
      this.refresh();
    });
    const ratio = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const changed = () => this.frames.invalidate();
    ratio.addEventListener("change", changed);
    this.unwatch = () => {
      resize.disconnect();
      ratio.removeEventListener("change", changed);
    };
  }

  /** As many panels as the state has, each with an element that hears the user. */
  slot(count) {
    while (this.panels.length > count) {
      this.remove(this.panels.pop());
      this.slots.lastChild.remove();
    }
    while (this.panels.length < count) {
      const panel = new Panel(this.painter);
      const place = element("div", "slot");
      place.tabIndex = 0;
      place.setAttribute("role", "application");
      const position = this.panels.length;
      this.panels.push(panel);
      this.slots.append(place);
      const state = () => ({ tool: this.look.tool, solid: panel.dimensions === 3 });
      panel.unlisten = listen(place, state, this.actions(panel, position));
      for (const kind of ["focus", "blur"]) place.addEventListener(kind, () => this.frames.invalidate({ points: false }));
      place.addEventListener("keydown", (event) => this.shortcut(event));
    }
    this.slots.classList.toggle("two", count === 2);
  }

  remove(panel) {
    panel.unlisten();
    panel.drop();
    this.point();
  }

  shortcut(event) {
    const tool = { m: "move", l: "lasso", b: "box" }[event.key];
    if (!tool || event.ctrlKey || event.metaKey || event.altKey) return;
    this.look.tool = tool;
    this.frames.invalidate({ points: false });
  }

  actions(panel, position) {
    const linked = (change) => {
      panel.fitted = false;
      change(panel.camera);
      for (const other of this.panels) if (other !== panel) other.follow(panel);
      this.frames.invalidate();
    };
    return {
      pan: (dx, dy) => linked((camera) => camera.pan(dx, dy)),
      orbit: (dx, dy) => linked((camera) => camera.orbit(dx, dy)),
      zoom: (factor, place) => linked((camera) => camera.zoomAt(factor, place)),
      fit: () => this.fit(),
      draw: (path, tool) => {
        this.drawing = path && { panel, path, tool };
        this.frames.invalidate({ points: false });
      },
      drawn: (path, tool, mode) => {
        const shape = panel.shape(path, tool, this.modeOf(mode));
        if (shape) this.select(shape.mode === "replace" ? [shape] : [...this.shapes, shape]);
      },
      hover: (place) => this.point(panel, position, place),
      click: (place, mode) => this.click(panel.at(place, this.visible), this.modeOf(mode)),
      again: () => {
        // The two clicks of a double click were not meant to select.
        const { before } = this;
        if (before && performance.now() - before.at < TWICE) this.select(before.shapes, before.selected);
        this.before = null;
        this.fit();
      },
      clear: () => this.select([]),
      all: () => this.select([{ mode: "replace" }]),
    };
  }

  /** Keys held down come before the button that is pressed. */
  modeOf(held) {
    return held === "replace" && this.look.tool !== "move" ? this.look.mode : held;
  }

  fit() {
    for (const panel of this.panels) {
      panel.camera.reset();
      panel.fitted = true;
    }
    this.frames.invalidate();
  }

  // ------------------------------------------------------------------------------------- what the app says

  /** Show a state that component.py describes; `inline` are arrays that came with it. */
  async show(state, inline) {
    const turn = ++this.turn;
    try {
      const arrays = await Promise.all([
        section(state.groups, inline),
        section(state.shown, inline),
        section(state.selection.rows, inline),
        ...state.panels.flatMap((p) => [section(p.xy, inline), section(p.from, inline), section(p.colour.values, inline)]),
      ]);
      if (turn === this.turn) this.apply(state, arrays);
    } catch (error) {
      if (turn === this.turn) this.trouble(error.message);
    }
  }

  apply(state, [groups, shown, rows, ...ofPanels]) {
    const before = this.state;
    const isSame = before?.count === state.count && before?.samples === state.samples;
    this.state = state;
    if (this.isAsBefore(state) && isSame) {
      if (this.adopt(state, rows, isSame)) this.refresh({ density: false });
      return this.frames.answered();
    }
    this.groups = groups.values;
    this.shown = shown?.values ?? null;
    if (!isSame) this.forget();
    if (this.slider.of !== state.panels[0].layout) this.slid = null;
    // As high as wide on a narrow page, unless two maps lie one below the other there.
    this.stage.style.height = state.panels.length === 1 ? `min(${state.height}px, 110cqw)` : `${state.height}px`;
    this.slot(state.panels.length);
    this.arrange();
    state.panels.forEach((said, n) => this.place(this.panels[n], said, ofPanels.slice(3 * n, 3 * n + 3), !before));
    this.adopt(state, rows, isSame);
    dress(this);
    this.refresh();
  }

  /** Whether nothing but the selection has changed, also not the page's colours. */
  isAsBefore(state) {
    const said = JSON.stringify([{ ...state, selection: null }, this.frames.colours()]);
    const is = said === this.latest;
    this.latest = said;
    return is;
  }

  /** Other samples are shown: nothing that was done to the old ones holds for them. */
  forget() {
    for (const panel of this.panels) panel.empty();
    this.hidden = {};
    this.since = this.serial;
    this.before = null;
    this.point();
  }

  place(panel, said, [xy, from, values], isFirst) {
    check(said, this.state.count, xy, values);
    if (panel.layout !== said.layout || !panel.positions) {
      const pair = from ? { positions: from.values, share: this.slid ?? said.share } : null;
      const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
      panel.place(said.layout, xy.values, xy.columns, pair, isStill);
      if (isFirst && left.has(said.layout)) {
        panel.camera.state = left.get(said.layout);
        panel.fitted = false;
      } else if (panel !== this.panels[0]) panel.follow(this.panels[0]);
    }
    panel.order(this.groups);
    panel.chosen.hidden = this.hidden[said.colour.title] ?? said.colour.hidden ?? [];
    panel.colour(said.colour, values.values);
  }

  /** The app's selection, unless the user has made a newer one meanwhile; whether it is another one than before. */
  adopt(state, rows, isSame) {
    const { by, serial, shapes } = state.selection;
    const isMine = by === this.by;
    if (isSame && this.serial > this.since && (!isMine || serial < this.serial)) return false;
    const isKnown = isMine && serial === this.serial && shapes.length === this.shapes.length;
    this.shapes = shapes;
    if (isKnown && isSame) return false; // also on a layout that has moved on
    this.selected = rows ? unpacked(rows.values, state.count) : resolved(state.count, shapes, this.panels);
    this.selected ??= new Uint8Array(state.count);
    return true;
  }

  // ------------------------------------------------------------------------------------ what the user does

  /** Select what shapes say; `selected` if that is known. */
  select(shapes, selected = null) {
    this.shapes = shapes;
    this.serial++;
    const { samples } = this.state;
    const isAnswered = this.host.told({ by: this.by, serial: this.serial, samples, shapes });
    // Once it is on its way: Python and the browser find out at the same time which points that are.
    setTimeout(() => {
      if (this.state.samples !== samples) return;
      this.selected = selected ?? this.selectedBy(shapes.at(-1));
      this.flag();
      if (isAnswered) this.frames.invalidateAfterAnswer();
      else this.frames.invalidate();
    });
  }

  /** What a shape leaves of what is selected already: those before it may have been drawn on another layout. */
  selectedBy(shape) {
    if (!shape) return new Uint8Array(this.state.count);
    const hit = this.panels.map((panel) => panel.enclosed(shape)).find(Boolean);
    return hit ? combine(this.selected.slice(), hit, shape.mode) : this.selected; // or another layout has just come
  }

  click(row, mode) {
    if (row < 0) return;
    const now = performance.now();
    if (!this.before || now - this.before.at > TWICE)
      this.before = { at: now, shapes: this.shapes, selected: this.selected };
    const last = this.shapes.at(-1);
    const one = { mode, rows: [row] };
    if (mode === "replace") this.select([one]);
    else if (mode !== "intersect" && last?.rows && last.mode === mode)
      this.select([...this.shapes.slice(0, -1), { mode, rows: [...last.rows, row] }]); // clicks in a row are one shape
    else this.select([...this.shapes, one]);
  }

  hide(panel, names) {
    this.hidden = { ...this.hidden, [panel.colouring.title]: names };
    for (const other of this.panels) if (other.colouring.title === panel.colouring.title) other.chosen.hidden = names;
    this.refresh();
    dress(this);
    this.host.hidden({ by: this.by, serial: ++this.hides, samples: this.state.samples, names: this.hidden });
  }

  /** The pointer is at a place of a panel, or nowhere. */
  point(panel, position, place) {
    const row = place && this.state ? panel.at(place, this.visible) : -1;
    if (row !== (this.hover ?? -1)) this.frames.invalidate({ points: false });
    this.hover = row < 0 ? null : row;
    if (row < 0) return this.cardOf.hide();
    const at = [panel.part.left + place[0], panel.part.top + place[1]];
    this.cardOf.show(position, row, at, this.state.panels[position].sample, this.brief(panel, row));
  }

  /** What the browser knows of a sample by itself. */
  brief({ colouring, values }, row) {
    const value = values[row];
    const said = colouring.kind === "number" ? (Number.isNaN(value) ? "–" : number(value)) : colouring.names[value];
    return { title: `Sample ${row + 1}`, facts: [[colouring.title, said]], image: null };
  }

  // ------------------------------------------------------------------------------------------ after a change

  /** Flags, words and a frame, after what is shown or selected has changed. */
  refresh({ density = true } = {}) {
    this.flag();
    this.frames.invalidate({ density });
  }

  flag() {
    const { state } = this;
    this.visible = visible(state.count, this.shown, this.panels);
    for (const panel of this.panels) panel.cloud?.setFlags(this.visible, this.selected);
    const seen = total(this.visible);
    this.chosen = total(this.selected, this.visible);
    this.single = this.chosen === 1 ? this.selected.findIndex((is, row) => is && this.visible[row]) : null;
    const unplaced = Math.max(0, ...this.panels.map((panel) => panel.unplaced ?? 0));
    this.say(seen, unplaced);
    const reason = state.count && !seen ? "No sample matches the filter." : "There are no samples.";
    if (this.painter.isLost) this.trouble(LOST);
    else if (!seen) this.trouble(reason);
    else this.trouble(unplaced === state.count ? "No sample has a position." : null);
  }

  say(seen, unplaced) {
    const count = (value) => value.toLocaleString("en");
    const all = `${count(this.state.count)} samples`;
    const words = [seen < this.state.count ? `${count(seen)} of ${all}` : all];
    if (this.chosen) words.push(`${count(this.chosen)} selected`);
    if (unplaced) words.push(`${count(unplaced)} without a position`);
    const text = words.join(" · ");
    if (this.said.textContent !== text) this.said.textContent = text; // each change is read out
    this.tell({ selected: this.chosen });
  }

  arrange() {
    const all = this.slots.getBoundingClientRect(); // without the border
    [...this.slots.children].forEach((place, n) => {
      const box = place.getBoundingClientRect();
      const panel = this.panels[n];
      panel.part = { left: box.left - all.left, top: box.top - all.top, width: box.width, height: box.height };
      panel.camera.resize(box.width, box.height);
    });
    this.frames.invalidate();
  }

  trouble(sentence) {
    this.problem.textContent = sentence ?? "";
    this.problem.hidden = !sentence;
  }

  stop() {
    this.turn++;
    for (const panel of this.panels) {
      if (panel.layout && !panel.fitted) left.set(panel.layout, panel.camera.state);
      else left.delete(panel.layout);
      this.remove(panel);
    }
    this.unwatch();
    this.frames.stop();
    this.painter.gl.getExtension("WEBGL_lose_context")?.loseContext(); // browsers allow only a few contexts
  }
}

/** Sentences about what does not fit together, instead of a blank box. */
function check(said, count, xy, values) {
  if (xy.rows !== count) throw new Error(`The map has ${xy.rows} positions for ${count} samples.`);
  if (values.rows !== count) throw new Error(`"${said.colour.title}" has ${values.rows} values for ${count} samples.`);
}
