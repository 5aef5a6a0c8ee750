// The map's buttons: what dragging does, what a shape does to the selection, and how points are drawn.

import { element } from "./legend.js";

const ICONS = {
  move: "M5 9l-3 3 3 3M9 5l3-3 3 3M15 19l-3 3-3-3M19 9l3 3-3 3M2 12h20M12 2v20",
  lasso: "M7 22c1-2 0-4-1-5M3.5 14.5C2.5 13.400 2 12 2 10.500 2 6.400 6.500 3 12 3s10 3.400 10 7.500S17.500 18 12 18c-2.300 0-4.500-.6-6-1.600",
  box: "M4 4h3M10 4h4M17 4h3v3M20 10v4M20 17v3h-3M14 20h-4M7 20H4v-3M4 14v-4M4 7V4",
  fit: "M8 3H3v5M16 3h5v5M21 16v5h-5M8 21H3v-5",
  clear: "M6 6l12 12M18 6L6 18",
  look: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4",
  picture: "M12 3v12M7 10l5 5 5-5M4 20h16",
};

const TOOLS = {
  move: ["Move", "Drag to move, wheel to zoom, click for one sample (M)"],
  lasso: ["Lasso", "Draw around samples (L)"],
  box: ["Box", "Drag a box around samples (B)"],
};

const MODES = {
  replace: ["New", "A shape makes a new selection"],
  add: ["Add", "A shape adds to the selection (Shift)"],
  subtract: ["Subtract", "A shape takes from the selection (Ctrl or ⌘)"],
  intersect: ["Intersect", "Only what is in the selection and in the shape stays (Shift and Ctrl)"],
};

const DENSITIES = { none: "No density", shading: "Shading", contours: "Contours" };

/**
 * Build the toolbar.
 * @param {HTMLElement} place
 * @param {object} look `tool`, `mode`, `size`, `opacity`, `density`: changed in place
 * @param {{changed: () => void, fit: () => void, clear: () => void, picture: () => void}} actions
 * @returns {() => void} writes the state into the buttons
 */
export function toolbar(place, look, actions) {
  const choose = (name, table, icons) =>
    group(
      name,
      Object.entries(table).map(([value, [label, hint]]) => {
        const made = button(label, hint, icons ? ICONS[value] : null, () => {
          look[name] = value;
          actions.changed();
        });
        made.dataset[name] = value;
        return made;
      }),
    );
  const modes = choose("mode", MODES, false);
  const settings = panel(look, actions);
  const more = button("Look", "Size, opacity and density", ICONS.look, () => {
    settings.hidden = !settings.hidden;
    more.setAttribute("aria-expanded", String(!settings.hidden));
  });
  more.setAttribute("aria-expanded", "false");
  const clear = button("Clear the selection", "Clear the selection (Escape)", ICONS.clear, actions.clear);
  place.replaceChildren(
    choose("tool", TOOLS, true),
    modes,
    group("view", [
      button("Show all", "Show all samples (0, or double click)", ICONS.fit, actions.fit),
      clear,
      more,
      button("Save a picture", "Save as PNG, twice as fine as the screen", ICONS.picture, actions.picture),
    ]),
    settings,
  );
  return ({ selected }) => {
    for (const kind of ["tool", "mode"])
      for (const made of place.querySelectorAll(`[data-${kind}]`))
        made.setAttribute("aria-pressed", String(made.dataset[kind] === look[kind]));
    modes.hidden = look.tool === "move";
    clear.disabled = !selected;
  };
}

function panel(look, actions) {
  const made = element("div", "settings");
  made.hidden = true;
  const slider = (name, label, least, most, step) => {
    const field = element("input");
    Object.assign(field, { type: "range", min: least, max: most, step, value: look[name] });
    field.oninput = () => {
      look[name] = Number(field.value);
      actions.changed();
    };
    return labelled(label, field);
  };
  const density = element("select");
  for (const [value, label] of Object.entries(DENSITIES))
    density.append(Object.assign(document.createElement("option"), { value, textContent: label }));
  density.value = look.density;
  density.onchange = () => {
    look.density = density.value;
    actions.changed();
  };
  made.append(
    slider("size", "Size", 0.3, 4, 0.1),
    slider("opacity", "Opacity", 0.05, 1, 0.05),
    labelled("Density", density),
  );
  made.onkeydown = (event) => event.stopPropagation();
  return made;
}

function labelled(text, field) {
  const label = element("label", "", text);
  label.append(field);
  return label;
}

function group(name, buttons) {
  const made = element("div", "group");
  made.setAttribute("role", "group");
  made.setAttribute("aria-label", name);
  made.append(...buttons);
  return made;
}

function button(label, hint, icon, action) {
  const made = element("button", icon ? "icon" : "", icon ? "" : label);
  made.type = "button";
  made.title = hint;
  made.onclick = action;
  if (!icon) return made;
  made.setAttribute("aria-label", label);
  made.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${icon}"/></svg>`;
  return made;
}
