// Words and controls around the points: titles, legends, the slider between two layouts.

import { element, legend } from "./legend.js";

const HINT =
  "Arrow keys move, plus and minus zoom, 0 shows all, Enter picks the sample at the cross, Control A selects all, " +
  "Escape clears the selection.";

/** Bring them up to date; what has not changed stays, and with it the focus. */
export function dress(view) {
  titles(view);
  legends(view);
  slider(view);
}

function titles({ slots, state }) {
  [...slots.children].forEach((place, n) => {
    const { alt, title } = state.panels[n];
    place.setAttribute("aria-label", `${alt} ${HINT}`);
    place.replaceChildren(...(title ? [element("div", "title", title)] : []));
  });
}

function legends(view) {
  const looks = JSON.stringify(view.panels.map(({ colouring, chosen: { hidden, logarithmic } }) => [colouring, hidden, logarithmic]));
  if (looks === view.legends.looks) return;
  view.legends.looks = looks;
  const controls = () => [...view.legends.querySelectorAll("button, input")];
  const focused = controls().indexOf(view.root.getRootNode().activeElement);
  view.legends.replaceChildren(
    ...view.panels.map((panel) => {
      const place = element("div", "legend");
      legend(place, panel.colouring, panel.chosen, {
        hide: (names) => view.hide(panel, names),
        single: (name) => {
          panel.chosen.single = name;
          panel.colour(panel.colouring, panel.values);
          view.frames.invalidate();
        },
        logarithmic: (on) => {
          panel.chosen.logarithmic = on;
          panel.colour(panel.colouring, panel.values);
          legends(view);
          view.frames.invalidate();
        },
      });
      return place;
    }),
  );
  controls()[focused]?.focus();
}

function slider(view) {
  const { from, layout, ends, share } = view.state.panels[0];
  view.slider.hidden = !from;
  if (!from || view.slider.of === layout) return;
  view.slider.of = layout;
  const field = element("input");
  Object.assign(field, { type: "range", min: 0, max: 1, step: 0.01, value: share });
  field.setAttribute("aria-label", `Between ${ends[0]} and ${ends[1]}`);
  field.oninput = () => {
    view.slid = Number(field.value);
    for (const panel of view.panels) panel.slide(view.slid);
    view.frames.invalidate();
  };
  field.onchange = () => view.frames.invalidate({ density: true });
  view.slider.replaceChildren(element("span", "", ends[0]), field, element("span", "", ends[1]));
}
