// The mixer of a style with several rows: a palette to drag over, a slider for each row, and mixtures that
// the browser remembers. A mixture is an object of shares by row name.

const byId = (id) => document.getElementById(id);
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

const RING = 0.4; // radius of the circle of rows, of the palette's side
const FALLOFF = 3; // a row's share falls with this power of its distance
const LEAST = 0.08;
const RELEASE_MS = 600; // after the finger has gone, news of the server may still be old
const KEPT_AS = "brushstream-mixtures";
const MOST_KEPT = 12;

export function mixCommand(rows, mix) {
  return `mix ${rows.map(({ name }) => `${name} ${(mix[name] ?? 0).toFixed(2)}`).join(", ")}`;
}

// "60 % The Starry Night + 40 % Udnie", the largest first; one row alone by its title.
export function describe(rows, mix) {
  const parts = shares(rows, mix).map((share, at) => ({ share, title: rows[at].title }))
    .filter(({ share }) => share >= 0.005).sort((a, b) => b.share - a.share);
  if (parts.length === 1) return parts[0].title;
  const told = parts.slice(0, 3).map(({ share, title }) => `${Math.round(100 * share)} % ${title}`).join(" + ");
  return parts.length > 3 ? `${told} and ${parts.length - 3} more` : told;
}

// In the order of the rows, with a sum of 1.
function shares(rows, mix) {
  const sum = rows.reduce((all, { name }) => all + (mix[name] ?? 0), 0) || 1;
  return rows.map(({ name }) => (mix[name] ?? 0) / sum);
}

export class Mixer {
  #command;
  #style = -1; // its place among the styles
  #rows = [];
  #mix = {};
  #heldUntil = 0;
  #asked = false;
  #thumbnails = new Map(); // "style row" -> address of a picture
  #kept = read();

  constructor(command) {
    this.#command = command;
    const palette = byId("palette");
    palette.addEventListener("pointerdown", (event) => this.#grab(event));
    palette.addEventListener("keydown", (event) => this.#nudge(event));
    byId("keep-mix").addEventListener("click", () => this.#keep());
  }

  show({ chosen, rows, mix }) {
    byId("mixer").hidden = rows.length < 2;
    if (rows.length < 2) { this.#style = -1; return; }
    if (chosen !== this.#style || rows.length !== this.#rows.length) this.#build(chosen, rows);
    if (performance.now() < this.#heldUntil) return;
    this.#mix = mix;
    this.#draw();
  }

  thumbnail(style, row, blob) {
    const key = `${style} ${row}`;
    URL.revokeObjectURL(this.#thumbnails.get(key));
    this.#thumbnails.set(key, URL.createObjectURL(blob));
    if (style === this.#style) this.#dress(row);
  }

  #build(style, rows) {
    [this.#style, this.#rows] = [style, rows];
    byId("rows").replaceChildren(...rows.map((row, at) => this.#disc(row, at)));
    byId("shares").replaceChildren(...rows.map((row) => this.#slider(row)));
    byId("threads").replaceChildren(...rows.map(() => document.createElementNS("http://www.w3.org/2000/svg", "line")));
    rows.forEach((_, at) => this.#dress(at));
    this.#offerKept();
  }

  #disc({ title }, at) {
    const disc = make("span", { className: "disc", title });
    const [x, y] = this.#place(at);
    const size = Math.min(0.19, 1.8 * RING * Math.sin(Math.PI / Math.max(3, this.#rows.length)));
    Object.assign(disc.style, { left: `${100 * x}%`, top: `${100 * y}%`, width: `${100 * size}%` });
    disc.append(make("img", { alt: "", hidden: true, draggable: false }), make("b", { textContent: title.replace(/^The /, "")[0] }));
    return disc;
  }

  #slider({ name, title }) {
    const label = make("label", { className: "share" });
    const input = make("input", { type: "range", min: 0, max: 100, value: 0 });
    label.append(make("span", { textContent: title }), make("output"), input);
    input.dataset.row = name;
    input.addEventListener("input", () => this.#set({ ...this.#mix, [name]: Number(input.value) / 100 }));
    return label;
  }

  #dress(row) {
    const image = byId("rows").children[row]?.querySelector("img");
    const address = this.#thumbnails.get(`${this.#style} ${row}`);
    if (image && address) Object.assign(image, { src: address, hidden: false });
  }

  #place(row) {
    const turn = 2 * Math.PI * row / this.#rows.length - Math.PI / 2;
    return [0.5 + RING * Math.cos(turn), 0.5 + RING * Math.sin(turn)];
  }

  // The mixture at a place of the palette: near a row it is that row alone.
  #mixtureAt(x, y) {
    const weights = this.#rows.map((_, row) => {
      const [left, top] = this.#place(row);
      return Math.max(0.02, Math.hypot(x - left, y - top)) ** -FALLOFF;
    });
    const sum = weights.reduce((all, one) => all + one);
    const near = weights.map((one) => (one / sum < LEAST ? 0 : Math.round(100 * one / sum) / 100));
    return Object.fromEntries(this.#rows.map(({ name }, row) => [name, near[row]]).filter(([, share]) => share));
  }

  #set(mix, at) {
    this.#heldUntil = performance.now() + RELEASE_MS;
    this.#mix = mix;
    this.#draw(at);
    if (this.#asked) return; // once a frame of the screen is enough
    this.#asked = true;
    requestAnimationFrame(() => { this.#asked = false; this.#command(mixCommand(this.#rows, this.#mix)); });
  }

  #draw(at) {
    const part = shares(this.#rows, this.#mix);
    const [x, y] = at ?? part.reduce(([left, top], share, row) => {
      const [rowLeft, rowTop] = this.#place(row);
      return [left + share * rowLeft, top + share * rowTop];
    }, [0, 0]);
    Object.assign(byId("puck").style, { left: `${100 * x}%`, top: `${100 * y}%` });
    Object.assign(byId("puck").dataset, { x, y });
    part.forEach((share, row) => {
      const [left, top] = this.#place(row);
      byId("rows").children[row].style.setProperty("--share", share);
      const thread = byId("threads").children[row];
      for (const [name, value] of [["x1", x], ["y1", y], ["x2", left], ["y2", top]]) thread.setAttribute(name, 100 * value);
      thread.style.strokeWidth = share ? 0.4 + 3 * share : 0;
      const slider = byId("shares").children[row];
      slider.querySelector("input").value = Math.round(100 * (this.#mix[this.#rows[row].name] ?? 0));
      slider.querySelector("output").textContent = `${Math.round(100 * share)} %`;
    });
    byId("mixture").textContent = describe(this.#rows, this.#mix);
  }

  #grab(event) {
    const palette = byId("palette");
    palette.setPointerCapture(event.pointerId);
    const box = palette.getBoundingClientRect();
    const follow = ({ clientX, clientY }) => this.#moveTo((clientX - box.left) / box.width, (clientY - box.top) / box.height);
    follow(event);
    palette.addEventListener("pointermove", follow);
    palette.addEventListener("lostpointercapture", () => palette.removeEventListener("pointermove", follow), { once: true });
    event.preventDefault();
    byId("puck").focus({ preventScroll: true });
  }

  #nudge(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const { x, y } = byId("puck").dataset;
    this.#moveTo(Number(x) + 0.03 * step[0], Number(y) + 0.03 * step[1]);
  }

  #moveTo(x, y) {
    const far = Math.max(1, Math.hypot(x - 0.5, y - 0.5) / RING); // not beyond the rows
    const place = [0.5 + (x - 0.5) / far, 0.5 + (y - 0.5) / far];
    this.#set(this.#mixtureAt(...place), place);
  }

  #keep() {
    const told = describe(this.#rows, this.#mix);
    this.#kept = [{ ...this.#mix }, ...this.#kept.filter((mix) => describe(this.#rows, mix) !== told)].slice(0, MOST_KEPT);
    this.#offerKept();
  }

  // Those that this style has the rows for.
  #offerKept() {
    write(this.#kept);
    const names = new Set(this.#rows.map(({ name }) => name));
    const fitting = this.#kept.filter((mix) => Object.keys(mix).every((name) => names.has(name)));
    byId("kept").replaceChildren(...fitting.map((mix) => {
      const chip = make("span", { className: "chip" });
      const take = make("button", { textContent: describe(this.#rows, mix), title: "Mix this again" });
      const drop = make("button", { textContent: "×", title: "Forget it", ariaLabel: "Forget this mixture" });
      take.onclick = () => this.#set(mix);
      drop.onclick = () => { this.#kept = this.#kept.filter((one) => one !== mix); this.#offerKept(); };
      chip.append(take, drop);
      return chip;
    }));
  }
}

// A browser that keeps nothing for a page throws; mixtures then last as long as the page.
function read() {
  try { return JSON.parse(localStorage.getItem(KEPT_AS)) ?? []; } catch { return []; }
}

function write(kept) {
  try { localStorage.setItem(KEPT_AS, JSON.stringify(kept)); } catch { /* see read */ }
}
