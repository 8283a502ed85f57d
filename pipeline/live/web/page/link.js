// The WebSocket to the server: news in, commands and frames out. Comes back by itself.

const KINDS = ["frame", "thumbnail", "row"];
const HEAD_BYTES = 12;
const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 3000;

export class Link extends EventTarget {
  // Events: "state" (detail: the state), "frame", "thumbnail" and "row" (detail: number, milliseconds, blob),
  // "open", "lost" (detail: why).
  #socket = null;
  #wait = FIRST_WAIT_MS;

  connect() {
    const address = new URL("socket", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { this.#wait = FIRST_WAIT_MS; this.#tell("open"); };
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = ({ reason }) => {
      this.#tell("lost", reason);
      setTimeout(() => this.connect(), this.#wait);
      this.#wait = Math.min(LONGEST_WAIT_MS, 2 * this.#wait);
    };
    this.#socket = socket;
  }

  get open() { return this.#socket?.readyState === WebSocket.OPEN; }

  // Bytes that the browser could not hand to the network yet.
  get unsent() { return this.#socket?.bufferedAmount ?? 0; }

  command(text) { if (this.open) this.#socket.send(text); }

  // jpeg: an ArrayBuffer.
  frame(number, jpeg) {
    if (!this.open) return;
    const message = new Uint8Array(4 + jpeg.byteLength);
    new DataView(message.buffer).setUint32(0, number);
    message.set(new Uint8Array(jpeg), 4);
    this.#socket.send(message);
  }

  #received(data) {
    if (typeof data === "string") { this.#tell("state", JSON.parse(data)); return; }
    const head = new DataView(data);
    this.#tell(KINDS[head.getUint32(0)], {
      number: head.getUint32(4),
      milliseconds: head.getUint32(8) / 1000,
      blob: new Blob([new Uint8Array(data, HEAD_BYTES)], { type: "image/jpeg" }),
    });
  }

  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}
