// Which point is under the pointer: a grid over a two-dimensional map, all points of a three-dimensional one.

/** Points that a cell of the grid holds on average. */
const CELL = 8;

/** Finds the nearest point of a two-dimensional map. */
export class Grid {
  /** @param {Float32Array} points x, y of each  @param {number[][]} ends lower and upper corner of all */
  constructor(points, ends) {
    this.points = points;
    const count = points.length / 2;
    const [low, high] = ends ?? [
      [0, 0],
      [1, 1],
    ];
    const side = Math.max(1, Math.ceil(Math.sqrt(count / CELL)));
    this.side = side;
    this.low = low;
    this.step = [(high[0] - low[0]) / side || 1, (high[1] - low[1]) / side || 1];
    // Counting sort: the points of cell c are rows[start[c]] to rows[start[c + 1]].
    this.start = new Uint32Array(side * side + 1);
    const cells = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      cells[i] = this.cell(points[2 * i], points[2 * i + 1]);
      if (cells[i] >= 0) this.start[cells[i] + 1]++;
    }
    for (let c = 0; c < side * side; c++) this.start[c + 1] += this.start[c];
    this.rows = new Uint32Array(this.start[side * side]);
    const next = this.start.slice(0, -1);
    for (let i = 0; i < count; i++) if (cells[i] >= 0) this.rows[next[cells[i]]++] = i;
  }

  /** Column or row of the grid, inside it. */
  along(value, axis) {
    return Math.max(0, Math.min(this.side - 1, Math.floor((value - this.low[axis]) / this.step[axis])));
  }

  cell(x, y) {
    return Number.isFinite(x) && Number.isFinite(y) ? this.along(y, 1) * this.side + this.along(x, 0) : -1;
  }

  /**
   * The nearest point within a distance, or -1.
   * @param {(row: number) => boolean} counts whether a point can be picked
   */
  nearest([x, y], distance, counts = () => true) {
    let [best, least] = [-1, distance * distance];
    const [left, right] = [this.along(x - distance, 0), this.along(x + distance, 0)];
    const [low, high] = [this.along(y - distance, 1), this.along(y + distance, 1)];
    for (let r = low; r <= high; r++) {
      for (let n = this.start[r * this.side + left]; n < this.start[r * this.side + right + 1]; n++) {
        const row = this.rows[n];
        const square = (this.points[2 * row] - x) ** 2 + (this.points[2 * row + 1] - y) ** 2;
        if (square <= least && counts(row)) [best, least] = [row, square];
      }
    }
    return best;
  }
}

/** The point nearest to a place on the screen, or -1: every one is looked at, and of equally near ones the front one wins. */
export function nearestOnScreen(points, camera, [px, py], distance, counts = () => true) {
  const m = camera.matrix;
  const [width, height] = camera.size;
  let [best, least, front] = [-1, distance * distance, Infinity];
  for (let i = 0; i < points.length / 3; i++) {
    const [x, y, z] = [points[3 * i], points[3 * i + 1], points[3 * i + 2]];
    const w = m[12] * x + m[13] * y + m[14] * z + m[15];
    if (!(w > 0)) continue;
    const dx = (((m[0] * x + m[1] * y + m[2] * z + m[3]) / w + 1) / 2) * width - px;
    const dy = ((1 - (m[4] * x + m[5] * y + m[6] * z + m[7]) / w) / 2) * height - py;
    const square = dx * dx + dy * dy;
    if (square > least || (square === least && w >= front) || !counts(i)) continue;
    [best, least, front] = [i, square, w];
  }
  return best;
}
