// What colours mean: categories that can be hidden and singled out, or a ramp with its numbers.

/** Categories that have a colour of their own; the others are "other". */
const LISTED = 21;

/**
 * Build the legend of one map.
 *
 * `actions`: hide(names) with all that are hidden, single(name or null), logarithmic(on).
 * @param {HTMLElement} place emptied first
 * @param {object} colour of the state that scatter.py describes
 * @param {{hidden: string[], single: string | null, logarithmic: boolean}} chosen
 */
export function legend(place, colour, chosen, actions) {
  const title = element("div", "legend-title", colour.title);
  place.replaceChildren(title, ...(colour.kind === "number" ? ramp(colour, chosen, actions) : list(colour, chosen, actions)));
}

function list(colour, chosen, actions) {
  const hidden = new Set(chosen.hidden);
  const items = element("div", "items");
  colour.listed.slice(0, LISTED).forEach(({ name, colour: fill, names, count }) => {
    const isHidden = names.every((one) => hidden.has(one));
    const item = element("button", "item");
    item.type = "button";
    item.setAttribute("aria-pressed", String(!isHidden));
    item.title = `${count.toLocaleString()} samples. Click: ${isHidden ? "show" : "hide"}. Double click: only this one, or all.`;
    const dot = element("span", "dot");
    dot.style.background = fill;
    item.append(dot, element("span", "name", name));
    item.onclick = (event) => {
      if (event.detail === 2) {
        const others = colour.names.filter((one) => !names.includes(one));
        // Its first click has shown or hidden this one.
        return actions.hide(others.every((one) => hidden.has(one)) && isHidden ? [] : others);
      }
      actions.hide(isHidden ? chosen.hidden.filter((one) => !names.includes(one)) : [...chosen.hidden, ...names]);
    };
    items.append(item);
  });
  return colour.names.length > 8 ? [items, search(colour, chosen, actions)] : [items];
}

/** A field to single one category out; the only way to see one of hundreds. */
function search(colour, chosen, actions) {
  const field = element("input", "search");
  field.type = "search";
  field.placeholder = `Single out one of ${colour.names.length.toLocaleString()}`;
  field.setAttribute("aria-label", field.placeholder);
  field.value = chosen.single ?? "";
  const names = element("datalist");
  names.id = `names-${Math.random().toString(36).slice(2)}`;
  names.append(...colour.names.map((name) => Object.assign(document.createElement("option"), { value: name })));
  field.setAttribute("list", names.id);
  field.onchange = field.oninput = () => {
    const wanted = field.value.trim();
    const found = colour.names.find((name) => name === wanted) ?? null;
    field.classList.toggle("unknown", Boolean(wanted) && !found);
    if (found !== chosen.single) actions.single((chosen.single = found));
  };
  field.onkeydown = (event) => event.stopPropagation();
  const box = element("div", "search-box");
  box.append(field, names);
  return box;
}

function ramp(colour, chosen, actions) {
  const [low, high] = colour.range;
  const bar = element("div", "ramp");
  bar.style.background = `linear-gradient(to right, ${colour.ramp.join(", ")})`;
  const ends = element("div", "ends");
  const beyond = ([mark, end, full]) => (end === full ? "" : mark);
  ends.append(
    element("span", "", `${beyond(["≤ ", low, colour.full[0]])}${number(low)}`),
    element("span", "", `${beyond(["≥ ", high, colour.full[1]])}${number(high)}`),
  );
  const parts = [bar, ends];
  if (colour.missing) {
    const missing = element("div", "item missing");
    const dot = element("span", "dot");
    dot.style.background = "#8a94a6";
    missing.append(dot, element("span", "name", `no value (${colour.missing.toLocaleString()})`));
    parts.push(missing);
  }
  if (low > 0) {
    const toggle = element("button", "toggle", "log");
    toggle.type = "button";
    toggle.setAttribute("aria-pressed", String(chosen.logarithmic));
    toggle.title = "Colours by the logarithm";
    toggle.onclick = () => actions.logarithmic(!chosen.logarithmic);
    parts.push(toggle);
  }
  return parts;
}

/** A number as short as it can be told. */
export function number(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1).replaceAll("-", "\u2212");
  return String(Number(value.toPrecision(3))).replaceAll("-", "\u2212");
}

export function element(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}
