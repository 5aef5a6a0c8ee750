// Lassos and boxes: drawn on the screen, told in the map's coordinates, resolved as selection.py does it.

/** Vertices that a shape is told with at most, so that a message stays below 4 kB; selection.py takes 4,096. */
const MOST_VERTICES = 130;

/**
 * Which of the points a polygon encloses, by the even-odd rule.
 * @param {Float32Array} points x, y of each
 * @param {number[][]} polygon
 * @param {Uint8Array} [shown] points that count; by default all
 * @returns {Uint8Array} 1 for those inside
 */
export function inside(points, polygon, shown) {
  const [low, high] = bounds(polygon);
  const edges = edgesByHeight(polygon, low[1], high[1]);
  const found = new Uint8Array(points.length / 2);
  for (let i = 0; i < found.length; i++) {
    const x = points[2 * i];
    const y = points[2 * i + 1];
    // Also false for NaN.
    if (!(x >= low[0] && x <= high[0] && y >= low[1] && y <= high[1]) || (shown && !shown[i])) continue;
    let odd = 0;
    for (const e of edges.at(y)) {
      const { x0, y0, y1, slope } = e;
      if (y >= y0 && y < y1 && x < x0 + (y - y0) * slope) odd ^= 1;
    }
    found[i] = odd;
  }
  return found;
}

/** The edges, each in the strips of equal height that it reaches, so that few are looked at for any point. */
function edgesByHeight(polygon, low, high) {
  const strips = Math.max(1, Math.min(256, polygon.length));
  const strip = (y) => Math.min(strips - 1, Math.max(0, Math.floor(((y - low) / (high - low || 1)) * strips)));
  const table = Array.from({ length: strips }, () => []);
  polygon.forEach((one, n) => {
    const other = polygon[(n + 1) % polygon.length];
    const [[x0, y0], [x1, y1]] = one[1] <= other[1] ? [one, other] : [other, one];
    if (y0 === y1) return;
    const edge = { x0, y0, y1, slope: (x1 - x0) / (y1 - y0) };
    for (let s = strip(y0); s <= strip(y1); s++) table[s].push(edge);
  });
  return { at: (y) => table[strip(y)] };
}

/** Lower and upper corner of a polygon. */
export function bounds(polygon) {
  const of = (choose, axis) => polygon.reduce((end, vertex) => choose(end, vertex[axis]), polygon[0][axis]);
  return [
    [of(Math.min, 0), of(Math.min, 1)],
    [of(Math.max, 0), of(Math.max, 1)],
  ];
}

/** The corners of a box between two points. */
export function box([x0, y0], [x1, y1]) {
  return [
    [x0, y0],
    [x1, y0],
    [x1, y1],
    [x0, y1],
  ];
}

/**
 * A path with fewer vertices that stays within a distance of the drawn one (Douglas, Peucker 1973); with more distance
 * if it would still have too many.
 * @param {number[][]} path in pixels
 */
export function simplified(path, distance = 0.75) {
  for (let allowed = distance; ; allowed *= 2) {
    const kept = new Uint8Array(path.length);
    kept[0] = kept[path.length - 1] = 1;
    const open = [[0, path.length - 1]];
    while (open.length) {
      const [first, last] = open.pop();
      let [worst, far] = [0, 0];
      for (let i = first + 1; i < last; i++) {
        const d = fromSegment(path[i], path[first], path[last]);
        if (d > far) [worst, far] = [i, d];
      }
      if (far > allowed) {
        kept[worst] = 1;
        open.push([first, worst], [worst, last]);
      }
    }
    const found = path.filter((_, i) => kept[i]);
    if (found.length <= MOST_VERTICES) return found;
  }
}

function fromSegment([x, y], [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const square = dx * dx + dy * dy;
  const t = square ? Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / square)) : 0;
  return Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
}

/** What a shape makes of what was selected before: both 0 or 1 a point; writes into the first. */
export function combine(selected, hit, mode) {
  const of = {
    replace: (_, h) => h,
    add: (s, h) => s | h,
    subtract: (s, h) => s & (h ^ 1),
    intersect: (s, h) => s & h,
  }[mode];
  for (let i = 0; i < selected.length; i++) selected[i] = of(selected[i], hit[i]);
  return selected;
}

/** A number to a tenth of a pixel, so that what is sent is short. `scale` are the pixels of one. */
export function short(value, scale) {
  const steps = 10 ** Math.max(0, Math.ceil(Math.log10(10 * scale)));
  return Math.round(value * steps) / steps;
}
