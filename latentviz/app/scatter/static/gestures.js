// What the user does with pointer, wheel, fingers and keys, told as a few plain actions.

/** Pixels that a pointer may move between down and up and still click. */
const CLICK = 4;
const WHEEL = 0.0015;
const STEP = 60;
const KEY_ZOOM = 1.3;

/**
 * Listen on an element.
 *
 * `actions`: pan(dx, dy), orbit(dx, dy), zoom(factor, place), draw(path, tool), drawn(path, tool, mode), hover(place or
 * null), click(place, mode), again() at a double click, fit(), clear(), all(). Places are CSS pixels from the element's
 * upper left corner; a mode is one of selection.py's.
 * @param {HTMLElement} element
 * @param {() => {tool: string, solid: boolean}} state `tool`: "move", "lasso" or "box"
 * @returns {() => void} stops listening
 */
export function listen(element, state, actions) {
  const pointers = new Map();
  let path = null; // of a lasso or box under way
  let pressed = null;

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const drawing = (event) => event.button === 0 && state().tool !== "move" && !event.altKey;

  const handlers = {
    pointerdown(event) {
      element.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, place(event));
      if (pointers.size > 1) {
        // The second finger makes it a pinch.
        if (path) actions.draw(null, state().tool);
        path = pressed = null;
      } else {
        pressed = event.button === 0 ? place(event) : null;
        path = drawing(event) ? [pressed] : null;
      }
      actions.hover(null);
    },
    pointermove(event) {
      const now = place(event);
      const before = pointers.get(event.pointerId);
      if (!before) return actions.hover(event.pointerType === "touch" ? null : now);
      const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      pointers.set(event.pointerId, now);
      if (others.length) return pinch(before, now, others[0]);
      if (path) {
        path.push(now);
        return actions.draw(path, state().tool);
      }
      if (pressed && distance(pressed, now) < CLICK) return;
      pressed = null;
      const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
      if (state().solid && !(event.shiftKey || event.buttons === 2)) actions.orbit(dx, dy);
      else actions.pan(dx, dy);
    },
    pointerup(event) {
      const now = place(event);
      pointers.delete(event.pointerId);
      if (pressed && distance(pressed, now) < CLICK && (!path || spread(path) < CLICK)) actions.click(now, mode(event));
      else if (path && path.push(now) > 2) actions.drawn(path, state().tool, mode(event));
      if (path) actions.draw(null, state().tool);
      path = pressed = null;
    },
    pointercancel(event) {
      pointers.delete(event.pointerId);
      if (path) actions.draw(null, state().tool);
      path = pressed = null;
    },
    pointerleave: () => actions.hover(null),
    dblclick: () => actions.again(),
    contextmenu: (event) => event.preventDefault(),
    wheel(event) {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      actions.zoom(Math.exp(-event.deltaY * lines * WHEEL * (event.ctrlKey ? 5 : 1)), place(event));
    },
    keydown(event) {
      const key = action(event);
      if (!key) return;
      event.preventDefault();
      key();
    },
  };

  function pinch(before, now, other) {
    const factor = distance(now, other) / Math.max(1, distance(before, other));
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    actions.zoom(factor, middle);
    actions.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  }

  function action(event) {
    const { solid } = state();
    const move = (dx, dy) => () => (solid && !event.shiftKey ? actions.orbit(-dx, -dy) : actions.pan(dx, dy));
    const box = element.getBoundingClientRect();
    const middle = [box.width / 2, box.height / 2];
    if (event.key === "a" && (event.ctrlKey || event.metaKey)) return () => actions.all();
    return {
      ArrowLeft: move(STEP, 0),
      ArrowRight: move(-STEP, 0),
      ArrowUp: move(0, STEP),
      ArrowDown: move(0, -STEP),
      "+": () => actions.zoom(KEY_ZOOM, middle),
      "=": () => actions.zoom(KEY_ZOOM, middle),
      "-": () => actions.zoom(1 / KEY_ZOOM, middle),
      0: () => actions.fit(),
      Home: () => actions.fit(),
      Enter: () => actions.click(middle, mode(event)),
      Escape: () => {
        if (path) actions.draw(null, state().tool);
        else actions.clear();
        path = pressed = null;
      },
    }[event.key];
  }

  for (const [name, handler] of Object.entries(handlers)) element.addEventListener(name, handler, { passive: false });
  return () => {
    for (const [name, handler] of Object.entries(handlers)) element.removeEventListener(name, handler);
  };
}

/** Shift adds, Ctrl or ⌘ subtracts, both intersect. */
function mode(event) {
  const takes = event.ctrlKey || event.metaKey;
  if (event.shiftKey) return takes ? "intersect" : "add";
  return takes ? "subtract" : "replace";
}

function distance([x0, y0], [x1, y1]) {
  return Math.hypot(x1 - x0, y1 - y0);
}

function spread(path) {
  return Math.max(...path.map((at) => distance(at, path[0])));
}
