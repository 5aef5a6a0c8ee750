// From the map's coordinates to the screen and back: moving and zooming in two dimensions, turning in three.

/** Share of the canvas that is left free around all points. */
const MARGIN = 0.05;
const NEAREST = 1e-4;
const FARTHEST = 1e4;
/** Distance of the eye from the middle of a three-dimensional map, in its radii. */
const EYE = 3;

/** Lower and upper corner of the finite points, [low, high]; null if there are none. */
export function extent(points, dimensions, shown) {
  const low = Array(dimensions).fill(Infinity);
  const high = Array(dimensions).fill(-Infinity);
  for (let i = 0; i < points.length / dimensions; i++) {
    if (shown && !shown[i]) continue;
    let isPlaced = true;
    for (let d = 0; d < dimensions; d++) isPlaced &&= Number.isFinite(points[i * dimensions + d]);
    if (!isPlaced) continue;
    for (let d = 0; d < dimensions; d++) {
      const value = points[i * dimensions + d];
      if (value < low[d]) low[d] = value;
      if (value > high[d]) high[d] = value;
    }
  }
  return low.every(Number.isFinite) ? [low, high] : null;
}

/** What is seen. Pixels are CSS pixels from the upper left corner of the canvas. */
export class Camera {
  constructor(dimensions = 2) {
    this.dimensions = dimensions;
    this.size = [1, 1];
    this.home = { centre: [0, 0, 0], radius: 1, half: [1, 1] };
    this.reset();
  }

  /** Back to all points. */
  reset() {
    this.centre = [...this.home.centre];
    this.zoom = 1;
    this.turn = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  }

  /** What all points are, from now on; the view stays unless nothing was seen before. */
  around(ends) {
    const [low, high] = ends ?? [Array(this.dimensions).fill(-1), Array(this.dimensions).fill(1)];
    const half = low.map((l, d) => (high[d] - l) / 2 || 0);
    const centre = low.map((l, d) => l + half[d]);
    const usable = Math.max(...half) || 1; // one point, or all in one place
    this.home = {
      centre: [...centre, 0, 0, 0].slice(0, 3),
      radius: Math.hypot(...half) || 1,
      half: [half[0] || usable * 1e-3, half[1] || usable * 1e-3],
    };
  }

  resize(width, height) {
    this.size = [Math.max(1, width), Math.max(1, height)];
  }

  /** Pixels that one unit of the map takes. */
  get scale() {
    const [width, height] = this.size;
    const free = 1 - 2 * MARGIN;
    if (this.dimensions === 3) return (this.zoom * free * Math.min(width, height)) / (2 * this.home.radius);
    return this.zoom * free * Math.min(width / (2 * this.home.half[0]), height / (2 * this.home.half[1]));
  }

  /** Row by row, what takes (x, y, z, 1) to WebGL's clip space. */
  get matrix() {
    const [width, height] = this.size;
    const [sx, sy] = [(2 * this.scale) / width, (2 * this.scale) / height];
    const [cx, cy, cz] = this.centre;
    if (this.dimensions === 2) return [sx, 0, 0, -sx * cx, 0, sy, 0, -sy * cy, 0, 0, 0, 0, 0, 0, 0, 1];
    const r = this.turn;
    const depth = EYE * this.home.radius;
    const rows = [0, 1, 2].map((n) => {
      const [a, b, c] = r.slice(3 * n, 3 * n + 3);
      return [a, b, c, -(a * cx + b * cy + c * cz)];
    });
    const scaled = [rows[0].map((v) => v * sx), rows[1].map((v) => v * sy)];
    const behind = rows[2].map((v) => -v / depth); // 1 + this is the distance from the eye, in distances of the middle
    const far = [behind[0], behind[1], behind[2], 1 + behind[3]];
    const z = far.map((v, n) => v - (n === 3 ? 1 : 0)); // in front of the middle is before it in clip space
    return [...scaled[0], ...scaled[1], ...z, ...far];
  }

  /** Where a point of the map is on the canvas, [x, y] in pixels; null behind the eye. */
  toScreen(point) {
    const [x, y, z = 0] = point;
    const m = this.matrix;
    const at = (row) => m[row] * x + m[row + 1] * y + m[row + 2] * z + m[row + 3];
    const w = at(12);
    if (!(w > 0)) return null;
    return [((at(0) / w + 1) / 2) * this.size[0], ((1 - at(4) / w) / 2) * this.size[1]];
  }

  /** In two dimensions which point of the map is there; in three its place in clip space, for a shape with a view. */
  fromScreen([px, py]) {
    const clip = [(2 * px) / this.size[0] - 1, 1 - (2 * py) / this.size[1]];
    if (this.dimensions === 3) return clip;
    const [sx, sy] = [(2 * this.scale) / this.size[0], (2 * this.scale) / this.size[1]];
    return [clip[0] / sx + this.centre[0], clip[1] / sy + this.centre[1]];
  }

  /** Move what is seen by pixels. */
  pan(dx, dy) {
    const [right, up] = [-dx / this.scale, dy / this.scale];
    if (this.dimensions === 2) {
      this.centre[0] += right;
      this.centre[1] += up;
      return;
    }
    for (let n = 0; n < 3; n++) this.centre[n] += right * this.turn[n] + up * this.turn[3 + n];
  }

  /** Zoom so that what is at a place stays there; in three dimensions about the middle. */
  zoomAt(factor, place) {
    const before = this.dimensions === 2 ? this.fromScreen(place) : null;
    this.zoom = Math.min(FARTHEST, Math.max(NEAREST, this.zoom * factor));
    if (!before) return;
    const after = this.fromScreen(place);
    this.centre[0] += before[0] - after[0];
    this.centre[1] += before[1] - after[1];
  }

  /** Turn a three-dimensional map as if it were a ball under the pointer. */
  orbit(dx, dy) {
    const angle = Math.PI / Math.min(...this.size);
    this.turn = product(about(0, dy * angle), product(about(1, dx * angle), this.turn));
  }

  /** Show the part of a two-dimensional map between two corners. */
  show([low, high]) {
    this.centre = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, 0];
    const [width, height] = [high[0] - low[0], high[1] - low[1]];
    this.zoom = 1;
    this.zoom = Math.min(this.size[0] / (width || 1e-9), this.size[1] / (height || 1e-9)) / this.scale;
  }

  /** What must be kept to come back to this view. */
  get state() {
    return { centre: [...this.centre], zoom: this.zoom, turn: [...this.turn] };
  }

  set state({ centre, zoom, turn }) {
    Object.assign(this, { centre: [...centre], zoom, turn: [...turn] });
  }
}

function about(axis, angle) {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return axis === 0 ? [1, 0, 0, 0, c, -s, 0, s, c] : [c, 0, s, 0, 1, 0, -s, 0, c];
}

function product(a, b) {
  const found = Array(9);
  for (let r = 0; r < 3; r++)
    for (let c = 0; c < 3; c++) found[3 * r + c] = a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c] + a[3 * r + 2] * b[6 + c];
  return found;
}
