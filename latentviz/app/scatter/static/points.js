// Draws points with WebGL2. Knows nothing of the page: what is uploaded, and a frame for a camera.

const VERTEX = `#version 300 es
uniform mat4 matrix;
uniform float moved;      // from 0, where points were, to 1, where they are
uniform float size;       // of a point in device pixels
uniform vec2 range;       // of numbers: what the ends of the ramp stand for
uniform bool logarithmic;
uniform float categories; // how many; 0 for numbers
uniform float layer;      // 1 for selected points, which are larger
uniform bool solid;       // three dimensions: what is nearer is larger
uniform float dimmed;     // opacity of what is not selected; 1 if nothing is
uniform sampler2D colours;
in vec3 before;
in vec3 position;
in float value;
in float flags;           // 1 shown, 2 selected
out vec4 colour;

void main() {
  bool isShown = mod(flags, 2.0) >= 1.0;
  bool isSelected = flags >= 2.0;
  if (!isShown || any(isnan(position))) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 0.0;
    colour = vec4(0.0);
    return;
  }
  gl_Position = matrix * vec4(mix(any(isnan(before)) ? position : before, position, moved), 1.0);
  gl_PointSize = (layer > 0.5 ? size * 1.3 : size) / (solid ? max(gl_Position.w, 0.2) : 1.0);
  ivec2 width = textureSize(colours, 0);
  if (categories > 0.0) {
    int entry = int(min(value, categories - 1.0));
    colour = texelFetch(colours, ivec2(entry % width.x, entry / width.x), 0);
  } else if (isnan(value) || (logarithmic && value <= 0.0)) {
    colour = vec4(0.54, 0.58, 0.65, 1.0);
  } else {
    vec2 ends = logarithmic ? log(range) : range;
    float share = ((logarithmic ? log(value) : value) - ends.x) / max(ends.y - ends.x, 1e-30);
    colour = texelFetch(colours, ivec2(int(clamp(share, 0.0, 1.0) * float(width.x - 1) + 0.5), 0), 0);
  }
  colour.a *= isSelected ? 1.0 : dimmed;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
uniform float opacity;
uniform bool solid;
in vec4 colour;
out vec4 drawn;

void main() {
  float edge = length(gl_PointCoord - 0.5) * 2.0;
  float alpha = colour.a * opacity * (1.0 - smoothstep(0.8, 1.0, edge));
  if (alpha <= 0.0 || (solid && edge > 0.9)) discard; // a point's edge must not hide what is behind it
  drawn = vec4(colour.rgb * alpha, alpha);
}`;

const UNIFORMS = [
  "matrix", "moved", "size", "range", "logarithmic", "categories", "layer", "dimmed", "colours", "opacity",
  "solid",
];
const ATTRIBUTES = { before: 3, position: 3, value: 1, flags: 1 };
const SHOWN = 1;
const SELECTED = 2;
const WIDEST = 1024;
const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render|software/i;

/** Logarithms of the times of {@link fairOrder}, and how many are told apart. */
const [EARLIEST, LATEST, STEPS] = [-32, 4, 65536];

/** One WebGL2 context, and the points that were uploaded to it under names of their own: several maps share it. */
export class Painter {
  /** @throws if there is no WebGL2 */
  constructor(canvas) {
    this.canvas = canvas;
    const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true, alpha: true });
    if (!gl) throw new Error("This browser has no WebGL2.");
    this.gl = gl;
    const { UNMASKED_RENDERER_WEBGL: name } = gl.getExtension("WEBGL_debug_renderer_info") ?? gl;
    /** Whether the processor draws, for lack of a graphics card. */
    this.isSoftware = SOFTWARE.test(gl.getParameter(name ?? gl.RENDERER));
    this.restore();
  }

  /** Everything anew, also after the context was lost. Clouds must then be uploaded again. */
  restore() {
    const { gl } = this;
    this.program = linked(gl);
    this.at = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(this.program, name)]));
    this.largest = gl.getParameter(gl.ALIASED_POINT_SIZE_RANGE)[1];
  }

  get isLost() {
    return this.gl.isContextLost();
  }

  clear(width, height, ratio) {
    const { gl, canvas } = this;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  }

  /**
   * Draw a cloud into a part of the canvas.
   * @param {Cloud} cloud
   * @param {import("./camera.js").Camera} camera
   * @param {{left: number, top: number, width: number, height: number}} part in CSS pixels
   * @param {{size: number, opacity: number, moved: number, ratio: number}} how
   */
  draw(cloud, camera, part, how) {
    const { gl, at } = this;
    const [left, bottom] = [part.left * how.ratio, this.canvas.height - (part.top + part.height) * how.ratio];
    const box = [left, bottom, part.width * how.ratio, part.height * how.ratio].map(Math.round);
    gl.viewport(...box);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(...box);
    const solid = camera.dimensions === 3;
    if (solid) gl.enable(gl.DEPTH_TEST);
    else gl.disable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.useProgram(this.program);
    gl.uniform1i(at.solid, solid ? 1 : 0);
    gl.bindVertexArray(cloud.arrays);
    gl.uniformMatrix4fv(at.matrix, true, camera.matrix);
    gl.uniform1f(at.moved, how.moved);
    gl.uniform1f(at.size, Math.min(this.largest, Math.max(1, how.size * how.ratio)));
    gl.uniform1f(at.opacity, how.opacity);
    gl.uniform2f(at.range, ...cloud.colouring.range);
    gl.uniform1i(at.logarithmic, cloud.colouring.logarithmic ? 1 : 0);
    gl.uniform1f(at.categories, cloud.colouring.categories);
    const isApart = cloud.selected > 1; // one sample has a ring instead
    gl.uniform1f(at.dimmed, isApart ? 0.25 : 1);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, cloud.palette);
    gl.uniform1i(at.colours, 0);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    // Selected points come last in the order, so that each is drawn once.
    const first = isApart ? cloud.count - cloud.selected : cloud.count;
    const layer = (number, start, count) => {
      if (!count) return;
      gl.uniform1f(at.layer, number);
      gl.drawElements(gl.POINTS, count, gl.UNSIGNED_INT, 4 * start);
    };
    gl.depthMask(!isApart); // what is dimmed hides nothing that is selected
    layer(0, 0, first);
    gl.depthMask(true);
    layer(1, first, cloud.count - first);
    gl.bindVertexArray(null);
  }
}

/** The points of one map on the graphics card. */
export class Cloud {
  constructor(painter, count) {
    const { gl, program } = painter;
    this.gl = gl;
    this.count = count;
    this.arrays = gl.createVertexArray();
    this.buffers = {};
    gl.bindVertexArray(this.arrays);
    for (const [name, size] of Object.entries(ATTRIBUTES)) {
      const place = gl.getAttribLocation(program, name);
      const buffer = (this.buffers[name] = gl.createBuffer());
      const [type, bytes] = name === "flags" ? [gl.UNSIGNED_BYTE, 1] : [gl.FLOAT, 4];
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, count * size * bytes, gl.DYNAMIC_DRAW);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, type, false, 0, 0);
    }
    this.order = Uint32Array.from({ length: count }, (_, i) => i);
    this.elements = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.elements);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.order, gl.DYNAMIC_DRAW);
    gl.bindVertexArray(null);
    this.palette = gl.createTexture();
    this.colouring = { range: [0, 1], logarithmic: false, categories: 1 };
    this.selected = 0;
    this.setPalette([[0.23, 0.49, 0.85, 1]]);
    this.setFlags(new Uint8Array(count).fill(1), new Uint8Array(count));
  }

  /** Where points are, and where they come from: (N, 2) or (N, 3) numbers. */
  setPositions(positions, dimensions, before = positions, beforeDimensions = dimensions) {
    this.upload("position", solid(positions, dimensions));
    this.upload("before", solid(before, beforeDimensions));
  }

  /** Numbers, or positions of categories. */
  setValues(values, colouring) {
    this.upload("value", values instanceof Float32Array ? values : Float32Array.from(values));
    this.colouring = { range: [0, 1], logarithmic: false, categories: 0, ...colouring };
  }

  /** Colours of categories, or those of a ramp from low to high: [red, green, blue, alpha] from 0 to 1. */
  setPalette(colours) {
    const { gl } = this;
    const across = Math.min(colours.length, WIDEST); // thousands of categories are more than a texture is wide
    const down = Math.ceil(colours.length / across);
    const texels = new Uint8Array(across * down * 4);
    colours.forEach((colour, n) => colour.forEach((share, c) => (texels[4 * n + c] = Math.round(255 * share))));
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, across, down, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  /** What is shown and what is selected, 0 or 1 a point. */
  setFlags(shown, selected) {
    const flags = new Uint8Array(this.count);
    this.selected = 0;
    for (let i = 0; i < this.count; i++) {
      flags[i] = (shown[i] ? SHOWN : 0) | (selected[i] ? SELECTED : 0);
      if (flags[i] === (SHOWN | SELECTED)) this.selected++;
    }
    this.upload("flags", flags);
    this.arrange(flags);
  }

  /** In which order points are drawn: those that come last lie on top. */
  setOrder(order) {
    this.order = order;
    this.send(order);
  }

  /** Selected points last, each part in its order. */
  arrange(flags) {
    const { order } = this;
    if (this.selected < 2) {
      if (this.isArranged) this.send(order);
      this.isArranged = false;
      return;
    }
    const found = new Uint32Array(this.count);
    let [first, last] = [0, this.count - this.selected];
    for (let i = 0; i < this.count; i++) {
      if (flags[order[i]] === (SHOWN | SELECTED)) found[last++] = order[i];
      else found[first++] = order[i];
    }
    this.isArranged = true;
    this.send(found);
  }

  send(order) {
    const { gl } = this;
    gl.bindVertexArray(this.arrays);
    gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 0, order);
    gl.bindVertexArray(null);
  }

  upload(name, values) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffers[name]);
    this.gl.bufferSubData(this.gl.ARRAY_BUFFER, 0, values);
  }

  /** Free the memory. */
  drop() {
    const { gl } = this;
    for (const buffer of [...Object.values(this.buffers), this.elements]) gl.deleteBuffer(buffer);
    gl.deleteTexture(this.palette);
    gl.deleteVertexArray(this.arrays);
  }
}

/**
 * An order in which small groups are not hidden by large ones: shuffled, as often as all groups have members, the
 * smallest last.
 * @param {ArrayLike<number>} groups of each point
 * @param {number} seed
 */
export function fairOrder(groups, seed = 1) {
  const sizes = new Map();
  for (let i = 0; i < groups.length; i++) sizes.set(groups[i], (sizes.get(groups[i]) ?? 0) + 1);
  const random = generator(seed);
  // A race with exponential times: a group ten times as large is ten times as fast, and so below the others nine times
  // out of ten. Times are sorted by their logarithm in steps, because a million comparisons would take a second.
  const steps = new Uint16Array(groups.length);
  const start = new Uint32Array(STEPS + 1);
  for (let i = 0; i < groups.length; i++) {
    const time = Math.log(-Math.log(random() || 1e-12) / sizes.get(groups[i]) + 1e-30);
    steps[i] = Math.max(0, Math.min(STEPS - 1, ((time - EARLIEST) / (LATEST - EARLIEST)) * STEPS));
    start[steps[i] + 1]++;
  }
  for (let s = 0; s < STEPS; s++) start[s + 1] += start[s];
  const order = new Uint32Array(groups.length);
  for (let i = 0; i < groups.length; i++) order[start[steps[i]]++] = i;
  return order;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function solid(positions, dimensions) {
  if (dimensions === 3) return positions;
  const found = new Float32Array((positions.length / 2) * 3);
  for (let i = 0; i < positions.length / 2; i++) {
    found[3 * i] = positions[2 * i];
    found[3 * i + 1] = positions[2 * i + 1];
  }
  return found;
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
      throw new Error(`The map's shader does not compile: ${gl.getShaderInfoLog(shader)}`);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(`The map's shaders do not fit: ${gl.getProgramInfoLog(program)}`);
  return program;
}
