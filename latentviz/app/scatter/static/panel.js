// One map: where its points are, how they are coloured, and which of them a place or a shape means.

import { Camera, extent } from "./camera.js";
import { Grid, nearestOnScreen } from "./pick.js";
import { Cloud, fairOrder } from "./points.js";
import { box, inside, short, simplified } from "./shapes.js";

/** Milliseconds that points take to their new places. */
const MOVING = 600;
/** Pixels from a point within which the pointer means it. */
const REACH = 14;

const easing = (t) => (t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2);

export class Panel {
  constructor(painter) {
    this.painter = painter;
    this.camera = new Camera(2);
    this.part = { left: 0, top: 0, width: 1, height: 1 };
    this.chosen = { hidden: [], single: null, logarithmic: false };
    this.dimensions = 0;
    this.layout = null;
    this.fitted = true; // the view is that of all points, and follows them
  }

  get count() {
    return this.positions ? this.positions.length / this.dimensions : 0;
  }

  /** Share of the way to their places that points have gone. */
  moved(now) {
    if (this.between !== null) return this.between;
    return this.began === null ? 1 : easing(Math.min(1, (now - this.began) / MOVING));
  }

  get isMoving() {
    return this.began !== null;
  }

  /**
   * Show a layout; points that were shown before move to it.
   * @param {string} name of the layout, that shapes drawn on it carry
   * @param {Float32Array} positions
   * @param {number} dimensions
   * @param {{positions: Float32Array, share: number} | null} from another layout of the same points, and how far
   *   between the two they are shown
   */
  place(name, positions, dimensions, from, isStill) {
    const { painter } = this;
    const again = this.cloud && this.count === positions.length / dimensions;
    const before = from ? from.positions : again ? this.current(performance.now()) : positions;
    const beforeDimensions = from ? dimensions : again ? this.dimensions : dimensions;
    if (!again) {
      this.cloud?.drop();
      this.cloud = new Cloud(painter, positions.length / dimensions);
      this.isOrdered = false;
    }
    if (dimensions !== this.dimensions) {
      this.camera = new Camera(dimensions);
      this.camera.resize(this.part.width, this.part.height);
      this.fitted = true;
    }
    Object.assign(this, { layout: name, positions, dimensions, before, beforeDimensions });
    this.between = from ? from.share : null;
    this.began = again && !from && !isStill ? performance.now() : null;
    this.grid = null;
    this.upload();
    const ends = extent(positions, dimensions);
    this.unplaced = ends ? unplaced(positions, dimensions) : this.count;
    this.camera.around(ends);
    if (this.fitted) this.camera.reset();
  }

  upload() {
    this.cloud.setPositions(this.positions, this.dimensions, this.before, this.beforeDimensions);
  }

  /** Where points are shown now. */
  current(now) {
    const t = this.moved(now);
    if (t === 1 || !this.before) return this.positions;
    const [d, e] = [this.dimensions, this.beforeDimensions];
    const found = new Float32Array(this.positions.length);
    for (let i = 0; i < found.length / d; i++)
      for (let n = 0; n < d; n++) {
        const was = n < e ? this.before[i * e + n] : 0;
        found[i * d + n] = was + t * (this.positions[i * d + n] - was);
      }
    return found;
  }

  /** End of a movement, as soon as its time is over. */
  tick(now) {
    if (this.began === null || now - this.began < MOVING) return;
    this.began = null;
    this.before = this.positions;
  }

  /** Show points between two layouts: 0 the first, 1 the second. */
  slide(share) {
    if (this.between === null) return;
    this.between = share;
    this.grid = null;
  }

  /** Order of drawing, by groups of which none is to hide another. */
  order(groups) {
    if (this.isOrdered) return;
    this.cloud.setOrder(fairOrder(groups));
    this.isOrdered = true;
  }

  /** Colour points as a state of scatter.py says; `values` are numbers or positions of categories. */
  colour(colour, values) {
    this.colouring = colour;
    this.values = values;
    const isNumber = colour.kind === "number";
    if (isNumber && !(colour.range[0] > 0)) this.chosen.logarithmic = false;
    if (this.chosen.single && !colour.names?.includes(this.chosen.single)) this.chosen.single = null;
    this.cloud.setValues(values, {
      range: isNumber ? colour.range : [0, 1],
      logarithmic: isNumber && this.chosen.logarithmic,
      categories: isNumber ? 0 : colour.names.length,
    });
    this.cloud.setPalette(isNumber ? colour.ramp.map(rgb) : this.palette());
  }

  palette() {
    const { names, colours } = this.colouring;
    const { single } = this.chosen;
    return names.map((name, n) => [...rgb(colours[n]).slice(0, 3), !single || name === single ? 1 : 0.06]);
  }

  /** 1 for points of categories that the legend hides. */
  get hidden() {
    const { kind, names } = this.colouring ?? {};
    if (kind !== "category" || !this.chosen.hidden.length) return null;
    const gone = new Set(this.chosen.hidden);
    const table = Uint8Array.from(names, (name) => (gone.has(name) ? 1 : 0));
    const found = new Uint8Array(this.values.length);
    for (let i = 0; i < found.length; i++) found[i] = table[this.values[i]];
    return found;
  }

  /** The point at a place, or -1. */
  at(place, visible) {
    if (this.isMoving) return -1; // nobody means a point that flies past
    const counts = (row) => visible[row] === 1;
    if (this.dimensions === 3) return nearestOnScreen(this.current(performance.now()), this.camera, place, REACH, counts);
    this.grid ??= this.gridOf(this.current(performance.now()));
    return this.grid.nearest(this.camera.fromScreen(place), REACH / this.camera.scale, counts);
  }

  gridOf(positions) {
    return new Grid(positions, extent(positions, 2));
  }

  /** Where a point is in the panel, in pixels; null if nowhere. */
  seen(row) {
    const d = this.dimensions;
    const t = this.moved(performance.now());
    const point = Array.from({ length: d }, (_, n) => {
      const is = this.positions[row * d + n];
      const was = t === 1 ? is : n < this.beforeDimensions ? this.before[row * this.beforeDimensions + n] : 0;
      return was + t * (is - was);
    });
    return point.every(Number.isFinite) ? this.camera.toScreen(point) : null;
  }

  /** A shape that selection.py understands, from a path in pixels; null if it is too small to mean anything. */
  shape(path, tool, mode) {
    const outline = tool === "box" ? box(path[0], path[path.length - 1]) : simplified(path);
    if (outline.length < 3) return null;
    const scale = this.dimensions === 3 ? this.part.width / 2 : this.camera.scale;
    const polygon = outline.map((place) => this.camera.fromScreen(place).map((value) => short(value, scale)));
    const made = { on: this.layout, mode, polygon };
    if (this.dimensions === 3) made.view = this.camera.matrix.map((value) => Number(value.toPrecision(7)));
    if (this.between !== null) made.share = this.between;
    return made;
  }

  /** Which points a shape encloses, 0 or 1; null if it was drawn on another layout. */
  enclosed(shape) {
    if (shape.rows) {
      const found = new Uint8Array(this.count);
      for (const row of shape.rows) found[row] = 1;
      return found;
    }
    if (!shape.polygon) return new Uint8Array(this.count).fill(1);
    if (shape.on !== this.layout) return null;
    return inside(this.flat(shape), shape.polygon);
  }

  /** x and y of all points, in three dimensions as they were seen when a shape was drawn. */
  flat({ view, share }) {
    const isBetween = share !== undefined && share !== null;
    const at = isBetween ? this.positions.map((is, n) => this.before[n] + share * (is - this.before[n])) : this.positions;
    if (!view) return at;
    const found = new Float64Array(this.count * 2);
    for (let i = 0; i < this.count; i++) {
      const [x, y, z] = [at[3 * i], at[3 * i + 1], at[3 * i + 2]];
      const along = (row) => view[row] * x + view[row + 1] * y + view[row + 2] * z + view[row + 3];
      const w = along(12);
      found[2 * i] = w > 0 ? along(0) / w : NaN;
      found[2 * i + 1] = w > 0 ? along(4) / w : NaN;
    }
    return found;
  }

  draw(look, ratio, now) {
    if (!this.cloud || !this.count) return;
    const size = pointSize(this.count) * look.size;
    this.painter.draw(this.cloud, this.camera, this.part, {
      size,
      opacity: look.opacity,
      moved: this.moved(now),
      ratio,
    });
  }

  /** After the context was lost: everything onto the new one. */
  restore(groups, flags) {
    if (!this.positions) return;
    this.cloud = new Cloud(this.painter, this.count);
    this.isOrdered = false;
    this.upload();
    this.order(groups);
    this.colour(this.colouring, this.values);
    this.cloud.setFlags(...flags);
  }

  /** See what another panel of the same layout sees: two colourings are one place seen twice. */
  follow(other) {
    if (other.layout !== this.layout || other.dimensions !== this.dimensions) return;
    this.camera.state = other.camera.state;
    this.fitted = other.fitted;
  }

  /** Other samples come: nothing moves from these to those. */
  empty() {
    this.drop();
    Object.assign(this, { cloud: null, positions: null, layout: null, fitted: true, began: null, isOrdered: false });
    this.chosen = { hidden: [], single: null, logarithmic: false };
  }

  drop() {
    this.cloud?.drop();
  }
}

/** Pixels of a point: many points are small ones. */
export function pointSize(count) {
  return Math.min(8, Math.max(1.6, 10 - 1.45 * Math.log10(Math.max(count, 10))));
}

function unplaced(positions, dimensions) {
  let found = 0;
  for (let i = 0; i < positions.length; i += dimensions) {
    let is = true;
    for (let n = 0; n < dimensions; n++) is &&= Number.isFinite(positions[i + n]);
    if (!is) found++;
  }
  return found;
}

/** [red, green, blue, 1] from 0 to 1 of "#rrggbb". */
export function rgb(text) {
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16) / 255).concat(1);
}
