// What the visitor keeps: a picture or a film of what the page shows, saved by the browser.

const TYPES = ["video/mp4;codecs=avc1.42E01F", "video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];
const BITS_A_SECOND = 8_000_000;

export function savePicture(canvas) {
  canvas.toBlob((blob) => save(blob, `brushstream-${now()}.png`), "image/png");
}

export class Recording {
  #recorder = null;
  #startedAt = 0;

  get running() { return this.#recorder !== null; }
  get seconds() { return this.running ? (performance.now() - this.#startedAt) / 1000 : 0; }

  // Begin; false where the browser cannot record a canvas.
  start(canvas) {
    const type = window.MediaRecorder && TYPES.find((one) => MediaRecorder.isTypeSupported(one));
    if (!type) return false;
    const parts = [];
    const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: type, videoBitsPerSecond: BITS_A_SECOND });
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => {
      const bare = type.split(";")[0];
      save(new Blob(parts, { type: bare }), `brushstream-${now()}.${bare.split("/")[1]}`);
    };
    recorder.start(1000);
    this.#startedAt = performance.now();
    this.#recorder = recorder;
    return true;
  }

  stop() {
    this.#recorder?.stop();
    this.#recorder = null;
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function now() {
  const local = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replaceAll(":", "").replace("T", "-");
}
