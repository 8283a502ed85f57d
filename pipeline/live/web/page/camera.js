// The visitor's camera: opened when asked, read frame by frame, scaled and mirrored on the way.

const QUALITY = 0.9;
const WIDTH = 640, HEIGHT = 480, RATE = 30;

// What went wrong, in the visitor's words: [title, text].
const REASONS = {
  NotAllowedError: ["The camera stays closed", "The browser was told not to give it to this page. Allow the camera in the address bar or in the browser's settings, then try again."],
  NotFoundError: ["No camera here", "The browser finds no camera on this device. Plug one in, then try again."],
  NotReadableError: ["The camera is busy", "Another program or page is using it. Close that one, then try again."],
  insecure: ["This page cannot ask for a camera", "Browsers give the camera to https and to localhost only. Open the page at localhost, or serve it with --tls-cert and --tls-key."],
};

export class Camera extends EventTarget {
  // Events: "frame" (a new one can be drawn), "ended" (it was unplugged, or taken away).
  mirrored = true;
  #video;
  #stream = null;
  #devices = [];

  constructor(video) {
    super();
    this.#video = video;
  }

  get running() { return this.#stream !== null; }
  get several() { return this.#devices.length > 1; }

  // Open the camera, or the next one; throws [title, text] where there is none to be had.
  async open(device) {
    if (!navigator.mediaDevices?.getUserMedia) throw REASONS.insecure;
    const which = device ? { deviceId: { exact: device } } : { facingMode: "user" };
    const video = { width: { ideal: WIDTH }, height: { ideal: HEIGHT }, frameRate: { ideal: RATE }, ...which };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    } catch (error) {
      throw REASONS[error.name] ?? ["The camera does not open", `${error.name}: ${error.message}`];
    }
    performance.mark("permission");
    this.close();
    this.#stream = stream;
    const track = stream.getVideoTracks()[0];
    track.onended = () => { this.close(); this.dispatchEvent(new Event("ended")); };
    this.mirrored = track.getSettings().facingMode !== "environment";
    this.#video.srcObject = stream;
    await this.#video.play();
    this.#devices = (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === "videoinput");
    this.#listen(stream);
  }

  async next() {
    const now = this.#stream?.getVideoTracks()[0].getSettings().deviceId;
    const at = this.#devices.findIndex((device) => device.deviceId === now);
    this.close();
    await this.open(this.#devices[(at + 1) % this.#devices.length]?.deviceId);
  }

  close() {
    this.#stream?.getTracks().forEach((track) => { track.onended = null; track.stop(); });
    this.#stream = null;
    this.#video.srcObject = null;
  }

  // Draw the present frame into a canvas, no side longer than `longest`; false where there is none yet.
  draw(canvas, longest) {
    const { videoWidth, videoHeight } = this.#video;
    if (!this.running || !videoWidth) return false;
    const scale = Math.min(1, longest / Math.max(videoWidth, videoHeight));
    const width = Math.round(videoWidth * scale), height = Math.round(videoHeight * scale);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d", { alpha: false });
    context.setTransform(this.mirrored ? -1 : 1, 0, 0, 1, this.mirrored ? width : 0, 0);
    context.drawImage(this.#video, 0, 0, width, height);
    return true;
  }

  #listen(stream) {
    const each = () => {
      if (this.#stream !== stream) return;
      this.dispatchEvent(new Event("frame"));
      wait();
    };
    const wait = this.#video.requestVideoFrameCallback
      ? () => this.#video.requestVideoFrameCallback(each)
      : () => requestAnimationFrame(each);
    wait();
  }
}

export async function jpegOf(canvas) {
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  return blob.arrayBuffer();
}
