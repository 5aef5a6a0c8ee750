// The card beside the pointer: a sample's picture and what is known of it.

import { element } from "./legend.js";

/** Milliseconds that the pointer rests on a sample before the app is asked about it. */
const REST = 40;
const MOST = 500;

export class Card {
  /** @param {(panel: number, row: number) => Promise<{title: string, facts: string[][], image: string | null}>} describe */
  constructor(place, describe) {
    this.place = place;
    this.describe = describe;
    this.known = new Map();
    this.row = null;
  }

  /** Show a sample near a place; what the browser knows itself is there at once. */
  show(panel, row, at, token, brief) {
    const name = `${token}/${row}/${brief.facts[0][0]}`;
    this.move(at);
    if (this.row === name) return;
    this.row = name;
    clearTimeout(this.timer);
    const known = this.known.get(name);
    this.fill(known ?? brief);
    this.place.hidden = false;
    this.move(at);
    if (!known && token) this.timer = setTimeout(() => this.ask(panel, row, name, at, brief), REST);
  }

  async ask(panel, row, name, at, brief) {
    const found = await this.describe(panel, row).catch(() => null);
    if (!found) return;
    // What colours the sample stays, if the app says nothing of it.
    const told = new Set(found.facts.map(([title]) => title));
    found.facts.push(...brief.facts.filter(([title]) => !told.has(title)));
    this.known.set(name, found);
    if (this.known.size > MOST) this.known.delete(this.known.keys().next().value);
    if (this.row !== name) return;
    this.fill(found);
    this.move(this.last ?? at);
  }

  hide() {
    clearTimeout(this.timer);
    this.row = null;
    this.place.hidden = true;
  }

  fill({ title, facts, image }) {
    const words = element("div", "words");
    words.append(element("strong", "", title));
    for (const [name, value] of facts) {
      const line = element("div", "fact");
      line.append(element("span", "", name), element("span", "", value));
      words.append(line);
    }
    const parts = [words];
    if (image) {
      const picture = element("img");
      picture.src = image;
      picture.alt = "";
      // How wide it is decides how the words beside it wrap, and so how high the card is.
      picture.addEventListener("load", () => this.last && this.move(this.last));
      parts.unshift(picture);
    }
    this.place.replaceChildren(...parts);
  }

  /** Beside a place of the stage, inside it. */
  move([x, y]) {
    this.last = [x, y];
    const { offsetWidth: width, offsetHeight: height } = this.place;
    const { clientWidth, clientHeight } = this.place.parentElement;
    const left = x + 16 + width > clientWidth ? Math.max(0, x - 16 - width) : x + 16;
    const top = Math.max(0, Math.min(clientHeight - height, y + 12));
    this.place.style.transform = `translate(${left}px, ${top}px)`;
  }
}
