// The picture: painting, and the camera beside it up to a divider that can be moved.

export class Easel {
  side_by_side = false;
  #canvas;
  #context;
  #divider;
  #share = 0.5;
  #painting = document.createElement("canvas"); // the last one, whole
  #source = document.createElement("canvas");

  constructor(canvas, divider) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#divider = divider;
    divider.addEventListener("pointerdown", (event) => this.#grab(event));
    divider.addEventListener("keydown", (event) => this.#nudge(event));
  }

  get canvas() { return this.#canvas; }

  show(painting, source) {
    copy(painting, this.#painting);
    if (source) copy(source, this.#source);
    this.draw();
  }

  compare(on) {
    this.side_by_side = on;
    this.#divider.hidden = !on;
    this.draw();
  }

  draw() {
    const { width, height } = this.#painting;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#context.drawImage(this.#painting, 0, 0);
    const edge = Math.round(width * this.#share);
    if (this.side_by_side && edge && this.#source.width === width) {
      this.#context.drawImage(this.#source, 0, 0, edge, height, 0, 0, edge, height);
      this.#context.fillStyle = "#fff";
      this.#context.fillRect(edge - 1, 0, 2, height);
    }
    this.#divider.style.left = `${100 * this.#share}%`;
    this.#divider.setAttribute("aria-valuenow", Math.round(100 * this.#share));
  }

  #move(share) {
    this.#share = Math.min(1, Math.max(0, share));
    this.draw();
  }

  #grab(event) {
    this.#divider.setPointerCapture(event.pointerId);
    const box = this.#canvas.getBoundingClientRect();
    const follow = (moved) => this.#move((moved.clientX - box.left) / box.width);
    this.#divider.addEventListener("pointermove", follow);
    this.#divider.addEventListener("lostpointercapture",
      () => this.#divider.removeEventListener("pointermove", follow), { once: true });
    event.preventDefault();
  }

  #nudge(event) {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.#move(this.#share + step);
  }
}

function copy(from, to) {
  if (to.width !== from.width) to.width = from.width;
  if (to.height !== from.height) to.height = from.height;
  to.getContext("2d", { alpha: false }).drawImage(from, 0, 0);
}
