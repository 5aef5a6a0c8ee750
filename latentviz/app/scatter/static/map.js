// What Streamlit mounts: hands data to the view, and to Python what the user did.

import { decode } from "./payload.js";
import { View } from "./view.js";

const views = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".latentviz-map");
  const { state: said, ...inline } = decode(data);
  const state = JSON.parse(new TextDecoder().decode(said.values));
  let view = views.get(root);
  if (!view) {
    try {
      view = new View(root, {
        told: (selection) => {
          setStateValue("selection", selection);
          return true;
        },
        hidden: (names) => setStateValue("hidden", names),
        describe: described,
      });
    } catch (error) {
      root.textContent = `${error.message} A simpler map takes its place.`;
      setStateValue("webgl", false);
      return;
    }
    views.set(root, view);
    root.view = view; // for the console, and for tests that point at samples
  }
  view.show(state, inline);
  return () =>
    setTimeout(() => {
      if (root.isConnected || views.get(root) !== view) return; // of an older call: the map is still there
      views.delete(root);
      view.stop();
    });
}

async function described(url, row) {
  const answer = await fetch(`${url}/${row}`);
  return answer.ok ? answer.json() : null;
}
