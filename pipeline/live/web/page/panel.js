// Controls: tiles of the styles, sliders, switches. Tells commands, shows the state.

import { Mixer, describe } from "./mixer.js";

const LONG_TITLE = 34;
const byId = (id) => document.getElementById(id);

export class Panel {
  #command;
  #titles = "";
  #mixer;
  #held = new Set(); // sliders under the visitor's finger: the state does not move them

  constructor(command) {
    this.#command = command;
    this.#mixer = new Mixer(command);
    for (const button of document.querySelectorAll("[data-command]")) {
      button.addEventListener("click", () => command(button.dataset.command));
    }
    this.#slider("strength", (value) => `strength ${value / 100}`, (value) => `${value} %`);
    this.#slider("size", (value) => `brush ${this.#scales().length - 1 - value}`, (value) => BRUSHES(value, this.#scales().length));
  }

  #scales = () => this.scales ?? [0.4, 0.5, 0.6, 0.75, 1, 1.25, 1.5];

  #slider(id, command, shown) {
    const input = byId(id), output = byId(`${id}-value`);
    const show = () => { output.textContent = shown(Number(input.value)); };
    input.addEventListener("input", () => { this.#held.add(id); show(); this.#command(command(Number(input.value))); });
    input.addEventListener("change", () => setTimeout(() => this.#held.delete(id), 600));
    input.addEventListener("show", show);
    show();
  }

  #set(id, value) {
    if (this.#held.has(id)) return;
    byId(id).value = value;
    byId(id).dispatchEvent(new Event("show"));
  }

  show(state) {
    this.scales = state.scales;
    this.#tiles(state);
    this.#set("strength", Math.round(100 * state.strength));
    this.#set("size", state.scales.length - 1 - state.brush);
    for (const [command, on] of Object.entries(state.on)) this.press(command, on);
    this.#mixer.show(state);
    const style = state.styles[state.chosen];
    const title = state.rows.length ? describe(state.rows, state.mix) : style.title;
    byId("title").textContent = title;
    byId("title").classList.toggle("long", title.length > LONG_TITLE);
    byId("artist").textContent = state.rows.length ? style.title : [style.artist, style.year].filter(Boolean).join(", ");
    byId("engine").textContent = [state.engine, state.governor].filter(Boolean).join(" · ");
  }

  press(command, on) {
    for (const button of document.querySelectorAll(`[data-command="${command}"][aria-pressed]`)) {
      button.setAttribute("aria-pressed", String(on));
    }
  }

  thumbnail(place, blob) {
    const image = byId("styles").children[place]?.querySelector("img");
    if (!image) return;
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
    image.hidden = false;
  }

  rowThumbnail(style, row, blob) { this.#mixer.thumbnail(style, row, blob); }

  #tiles({ styles, chosen, shown }) {
    const titles = styles.map((style) => style.title).join("\n");
    if (titles !== this.#titles) {
      this.#titles = titles;
      byId("styles").replaceChildren(...styles.map((style, at) => this.#tile(style, at)));
    }
    [...byId("styles").children].forEach((tile, at) => {
      const was = tile.getAttribute("aria-pressed") === "true";
      tile.setAttribute("aria-pressed", String(at === chosen));
      tile.classList.toggle("opening", at === chosen && at !== shown);
      if (at === chosen && !was) reveal(tile);
    });
  }

  #tile(style, at) {
    const tile = document.createElement("button");
    tile.className = "tile";
    tile.title = style.title + (at < 9 ? ` (${at + 1})` : "");
    const image = document.createElement("img");
    image.alt = "";
    image.hidden = true;
    const name = document.createElement("span");
    name.textContent = style.title;
    tile.append(image, name);
    tile.onclick = () => { this.#command(`style ${at + 1}`); };
    return tile;
  }
}

// Only the row of tiles is scrolled, never the page under it.
function reveal(tile) {
  const row = tile.parentElement;
  row.scrollTo({ left: tile.offsetLeft - (row.clientWidth - tile.offsetWidth) / 2, behavior: "smooth" });
}

function BRUSHES(value, count) {
  return ["finest", "finer", "normal", "broad", "broader", "very broad", "broadest"][Math.round(value / (count - 1) * 6)];
}

export function fillKeys(rows) {
  byId("keys").replaceChildren(...rows.flatMap(([key, text]) => {
    const term = document.createElement("dt"), told = document.createElement("dd");
    term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    told.textContent = text;
    return [term, told];
  }));
}
