// Frames there and back. The newest wins on both ways: a few may be under way, and none waits in a row.

import { jpegOf } from "./camera.js";

const WINDOW = 2;
const WIDEST_WINDOW = 6;
const FRAME_MS = 33;
const KEEP_IN_LINE_MS = 2000;
const GIVE_UP_MS = 5000;

export class Exchange extends EventTarget {
  // Events: "painted" (detail: bitmap, source canvas, age and server time in ms).
  longest = 640;
  place = 0; // in the line; while it is not 0 one frame in two seconds keeps it
  #camera;
  #link;
  #number = 0;
  #sent = new Map(); // number -> { canvas, at }
  #spare = [];
  #encoding = false;
  #networkMs = 0;
  #lastSentAt = 0;
  #drawn = 0;

  constructor(camera, link) {
    super();
    [this.#camera, this.#link] = [camera, link];
    camera.addEventListener("frame", () => this.#offer());
    link.addEventListener("frame", ({ detail }) => this.#back(detail));
    link.addEventListener("lost", () => this.#forget());
  }

  get #window() {
    return Math.min(WIDEST_WINDOW, WINDOW + Math.floor(this.#networkMs / FRAME_MS));
  }

  async #offer() {
    const now = performance.now();
    if (this.#encoding || !this.#link.open || this.#link.unsent || document.hidden) return;
    if (this.place && now - this.#lastSentAt < KEEP_IN_LINE_MS) return;
    if (now - this.#lastSentAt > GIVE_UP_MS) this.#forget();
    if (!this.place && this.#sent.size >= this.#window) return;
    const canvas = this.#spare.pop() ?? document.createElement("canvas");
    if (!this.#camera.draw(canvas, this.longest)) { this.#spare.push(canvas); return; }
    this.#encoding = true;
    this.#lastSentAt = now;
    const jpeg = await jpegOf(canvas);
    this.#encoding = false;
    if (this.place) this.#forget();
    this.#sent.set(++this.#number, { canvas, at: now });
    this.#link.frame(this.#number, jpeg);
  }

  async #back({ number, milliseconds, blob }) {
    const sent = this.#sent.get(number);
    if (!sent) return;
    for (const [earlier, { canvas }] of this.#sent) { // what the server left out counts as done
      if (earlier <= number) this.#sent.delete(earlier);
      if (earlier < number) this.#spare.push(canvas);
    }
    const bitmap = await createImageBitmap(blob);
    if (number > this.#drawn) {
      this.#drawn = number;
      const age = performance.now() - sent.at;
      this.#networkMs = 0.9 * this.#networkMs + 0.1 * Math.max(0, age - milliseconds);
      this.dispatchEvent(new CustomEvent("painted", { detail: { bitmap, source: sent.canvas, age, milliseconds } }));
    }
    bitmap.close();
    this.#spare.push(sent.canvas);
  }

  #forget() {
    for (const { canvas } of this.#sent.values()) this.#spare.push(canvas);
    this.#sent.clear();
  }
}
