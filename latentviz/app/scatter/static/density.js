// How dense a two-dimensional map is: a smooth grid, the regions that hold most points, their outlines and a picture.

/** Standard deviations after which the blur ends. */
const REACH = 4;

/**
 * Points in the cells of a grid over the map.
 *
 * A point is shared by the four cells whose middles are around it, so that contours do not depend on where cells begin.
 * What the blur would carry across the border is reflected: the sum is the number of points that are finite, inside and
 * counted.
 * @param {Float32Array} points x, y of each
 * @param {Uint8Array | null} counts which of them count; by default all
 * @param {number[][] | null} ends lower and upper corner; contours close if there is some room between them and the
 *   points. If they have no width or no height, points are in the middle
 * @param {number} side cells along an axis, at least 2
 * @param {number} blur standard deviation, in cells
 * @returns {Float32Array} row by row, the lowest y first
 */
export function density(points, counts, ends, side = 192, blur = 2.5) {
  const [[left, low], [right, high]] = ends ?? [
    [0, 0],
    [1, 1],
  ];
  const [across, up] = [axis(left, right, side), axis(low, high, side)];
  // Fractions of a million points in one place would be lost in 32 bits.
  const grid = new Float64Array(side * side);
  for (let i = 0; i < points.length / 2; i++) {
    const x = points[2 * i];
    const y = points[2 * i + 1];
    // Also false for NaN.
    if (!(x >= left && x <= right && y >= low && y <= high) || (counts && !counts[i])) continue;
    const u = Math.max(0, Math.min(side - 1, across.first + (x - left) * across.scale));
    const v = Math.max(0, Math.min(side - 1, up.first + (y - low) * up.scale));
    const column = Math.min(side - 2, Math.floor(u));
    const row = Math.min(side - 2, Math.floor(v));
    const s = u - column;
    const t = v - row;
    const cell = row * side + column;
    grid[cell] += (1 - s) * (1 - t);
    grid[cell + 1] += s * (1 - t);
    grid[cell + side] += (1 - s) * t;
    grid[cell + side + 1] += s * t;
  }
  if (blur > 0) smooth(grid, side, blur);
  return Float32Array.from(grid);
}

/** Where an axis begins, counted from the middle of the first cell, and how many cells one unit of it has. */
function axis(low, high, side) {
  return high > low ? { first: -0.5, scale: side / (high - low) } : { first: (side - 1) / 2, scale: 0 };
}

/** Blur a grid in place, along its rows and then along its columns. */
function smooth(grid, side, blur) {
  const reach = Math.round(REACH * blur);
  const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-(((k - reach) / blur) ** 2) / 2));
  const total = kernel.reduce((sum, weight) => sum + weight);
  const from = Uint32Array.from({ length: side + 2 * reach }, (_, i) => reflected(i - reach, side));
  const line = new Float64Array(from.length);
  for (const [step, next] of [
    [1, side],
    [side, 1],
  ]) {
    for (let n = 0; n < side; n++) {
      for (let i = 0; i < line.length; i++) line[i] = grid[n * next + from[i] * step];
      for (let i = 0; i < side; i++) {
        let sum = 0;
        for (let k = 0; k < kernel.length; k++) sum += kernel[k] * line[i + k];
        grid[n * next + i * step] = sum / total;
      }
    }
  }
}

/** The cell that one outside the grid is reflected to. */
function reflected(i, side) {
  const place = ((i % (2 * side)) + 2 * side) % (2 * side);
  return place < side ? place : 2 * side - 1 - place;
}

/**
 * Thresholds of the smallest regions that hold shares of all points (highest-density regions; Hyndman 1996): the cells
 * above a threshold hold at least its share.
 * @param {Float32Array} grid
 * @param {number[]} shares ascending
 * @returns {number[]} descending; infinite for a grid without points
 */
export function levels(grid, shares = [0.5, 0.8, 0.95]) {
  const values = Float32Array.from(grid).sort().reverse();
  const total = values.reduce((sum, value) => sum + value, 0);
  let [held, n] = [0, 0];
  return shares.map((share) => {
    if (!(total > 0)) return Infinity;
    // Equal values are inside or outside together.
    while (n === 0 || (values[n] > 0 && (held < share * total || values[n] === values[n - 1]))) held += values[n++];
    // Between two values, so that a contour goes through no cell's middle.
    return (values[n - 1] + (values[n] ?? 0)) / 2;
  });
}

/**
 * Edges that a contour connects within the square of four neighbours, by those that are inside: 1 lower left, 2 lower
 * right, 4 upper right, 8 upper left. Edges: 0 below, 1 right, 2 above, 3 left. Always from the edge on which a walk
 * around the square, against the clock, leaves the inside, so that the inside is on the left.
 */
const SEGMENTS = [
  [],
  [0, 3],
  [1, 0],
  [1, 3],
  [2, 1],
  [0, 3, 2, 1],
  [2, 0],
  [2, 3],
  [3, 2],
  [0, 2],
  [1, 0, 3, 2],
  [1, 2],
  [3, 1],
  [0, 1],
  [3, 0],
  [],
];

/** Where two opposite ones are inside, and connected through the middle of the square. */
const CONNECTED = { 5: [0, 1, 2, 3], 10: [3, 0, 1, 2] };

/**
 * Where a grid reaches a level (marching squares).
 *
 * Inside the grid the curves are closed: every segment begins exactly where another ends, the inside on its left.
 * @param {Float32Array} grid
 * @param {number} side
 * @param {number} level
 * @returns {Float32Array} x0, y0, x1, y1 of every segment; 0 is the middle of the first cell, side - 1 of the last
 */
export function contours(grid, side, level) {
  const found = [];
  for (let row = 0; row < side - 1; row++) {
    for (let column = 0; column < side - 1; column++) {
      const n = row * side + column;
      const a = grid[n];
      const b = grid[n + 1];
      const c = grid[n + side + 1];
      const d = grid[n + side];
      const inside = (a >= level ? 1 : 0) | (b >= level ? 2 : 0) | (c >= level ? 4 : 0) | (d >= level ? 8 : 0);
      if (inside === 0 || inside === 15) continue;
      const middle = inside in CONNECTED && (a + b + c + d) / 4 >= level;
      const edges = (middle ? CONNECTED : SEGMENTS)[inside];
      for (let e = 0; e < edges.length; e += 2) {
        const [x0, y0] = crossing(edges[e], row, column, a, b, c, d, level);
        const [x1, y1] = crossing(edges[e + 1], row, column, a, b, c, d, level);
        if (x0 !== x1 || y0 !== y1) found.push(x0, y0, x1, y1);
      }
    }
  }
  return Float32Array.from(found);
}

/** Where the level is reached on an edge: always from left to right or upwards, so that both its squares agree. */
function crossing(edge, row, column, a, b, c, d, level) {
  if (edge === 0) return [column + (level - a) / (b - a), row];
  if (edge === 1) return [column + 1, row + (level - b) / (c - b)];
  if (edge === 2) return [column + (level - d) / (c - d), row + 1];
  return [column, row + (level - a) / (d - a)];
}

/**
 * A picture of a grid: the denser, the more opaque.
 *
 * By the square root, as small groups would vanish beside the densest one.
 * @param {Float32Array} grid
 * @param {number} side
 * @param {number[]} colour red, green and blue from 0 to 1
 * @returns {Uint8ClampedArray} for an ImageData of side × side, the highest y first
 */
export function shade(grid, side, colour) {
  const found = new Uint8ClampedArray(4 * side * side);
  const most = grid.reduce((most, value) => Math.max(most, value), 0) || 1;
  const [red, green, blue] = colour.map((share) => 255 * share);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const pixel = 4 * ((side - 1 - row) * side + column);
      found[pixel] = red;
      found[pixel + 1] = green;
      found[pixel + 2] = blue;
      found[pixel + 3] = 255 * Math.sqrt(grid[row * side + column] / most);
    }
  }
  return found;
}
