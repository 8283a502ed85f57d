// Age of the newest frames: numbers and a graph. What the server took stands apart from network and browser.

const KEPT = 150;
const DRAW_EVERY_MS = 200;
const RATE_OVER_MS = 2000;
const FLOOR_MS = 50;

export class Latency {
  #frames = []; // { at, age, server } in ms
  #drawnAt = 0;

  add(age, server) {
    this.#frames.push({ at: performance.now(), age, server });
    if (this.#frames.length > KEPT) this.#frames.shift();
  }

  clear() { this.#frames = []; }

  // Every fifth of a second: { median, most, painting, rate } for the numbers, null between.
  due() {
    const now = performance.now();
    if (now - this.#drawnAt < DRAW_EVERY_MS) return null;
    this.#drawnAt = now;
    const ages = this.#frames.map((frame) => frame.age).sort((a, b) => a - b);
    const servers = this.#frames.map((frame) => frame.server).sort((a, b) => a - b);
    const recent = this.#frames.filter((frame) => now - frame.at < RATE_OVER_MS);
    const span = recent.length > 1 ? recent.at(-1).at - recent[0].at : 0;
    return {
      median: part(ages, 0.5), most: part(ages, 0.95), painting: part(servers, 0.5),
      rate: span > 0 ? (recent.length - 1) / span * 1000 : 0,
    };
  }

  // Bars of age, the server's share darker, and lines at round numbers.
  draw(canvas, { lines }) {
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    const usual = part(this.#frames.map((frame) => frame.age).sort((a, b) => a - b), 0.95);
    const top = Math.max(FLOOR_MS, Math.ceil(1.2 * usual / FLOOR_MS) * FLOOR_MS); // one stall does not flatten the rest
    const y = (ms) => height - Math.min(ms, top) / top * (height - (lines ? 22 : 0));
    const step = width / KEPT;
    this.#frames.forEach(({ age, server }, at) => {
      const x = width - (this.#frames.length - at) * step;
      context.fillStyle = style.getPropertyValue("--bar-network");
      context.fillRect(x, y(age), step - 0.6, y(server) - y(age));
      context.fillStyle = style.getPropertyValue("--bar-server");
      context.fillRect(x, y(server), step - 0.6, height - y(server));
    });
    if (!lines) return;
    context.font = `20px ${style.fontFamily}`;
    for (const ms of [top / 2, top]) {
      context.fillStyle = style.getPropertyValue("--line");
      context.fillRect(0, y(ms), width, 1);
      context.fillStyle = style.getPropertyValue("--faint");
      context.fillText(`${ms} ms`, 0, y(ms) - 5);
    }
  }
}

function part(sorted, share) {
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : 0;
}
