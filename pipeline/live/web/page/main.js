// The page: the visitor's camera, or the server's, painted. Puts the parts together.

import { Camera } from "./camera.js";
import { Easel } from "./easel.js";
import { Exchange } from "./exchange.js";
import { Recording, savePicture } from "./keep.js";
import { Latency } from "./latency.js";
import { Link } from "./link.js";
import { mixCommand } from "./mixer.js";
import { Panel, fillKeys } from "./panel.js";

const byId = (id) => document.getElementById(id);
const NEWS_MS = 4000;
const KEYS = [
  ["n p", "next, previous style"], ["1-9", "style by number"], ["+ -", "stronger, weaker"],
  ["] [", "larger, smaller brush"], ["s", "side by side"], ["c", "keep colours"], ["t", "steady"], [". ,", "mix in the next row, back"],
  ["m", "mirror"], ["f", "full screen"], ["r", "record"], ["space", "screenshot"], ["i", "latency"],
  ["h", "these keys"], ["q", "close the camera"],
];

const link = new Link();
const camera = new Camera(byId("camera"));
const exchange = new Exchange(camera, link);
const easel = new Easel(byId("picture"), byId("divider"));
const latency = new Latency();
const recording = new Recording();
const panel = new Panel(command);
let state = null;
let before = null; // the state of the server that was lost
let wanted = false; // the camera, by the visitor
let newsTimer = 0;

// Carried out here; every other command is the server's. Where the camera is the server's, only full screen
// and the information are the page's own.
const OWN = {
  "side-by-side": () => {
    easel.compare(!easel.side_by_side);
    panel.press("side-by-side", easel.side_by_side);
    for (const tag of document.querySelectorAll(".tag")) tag.hidden = !easel.side_by_side;
  },
  "mirror": () => { camera.mirrored = !camera.mirrored; panel.press("mirror", camera.mirrored); },
  "switch-camera": () => camera.next().catch(refused),
  "screenshot": () => { savePicture(easel.canvas); flash(); },
  "record": record,
  "quit": () => { wanted = false; camera.close(); recording.stop(); curtain(); },
};
const ALWAYS_OWN = {
  "full-screen": () => (document.fullscreenElement ? document.exitFullscreen() : byId("stage").requestFullscreen()),
  "information": () => byId("pulse").setAttribute("aria-expanded", !document.body.classList.toggle("informed")),
  "help": () => (byId("help").open ? byId("help").close() : byId("help").showModal()),
};

function command(text) {
  const own = ALWAYS_OWN[text] ?? (viewing() ? null : OWN[text]);
  if (own) own();
  else link.command(text);
}

function viewing() { return state?.mode === "view"; }

function news(text) {
  byId("news").textContent = text;
  clearTimeout(newsTimer);
  if (text) newsTimer = setTimeout(() => { byId("news").textContent = ""; }, NEWS_MS);
}

// What stands in front of the picture: a title, a text, a button's label (empty for none), a hint.
function curtain(view = "welcome", title, text, button = "Open the camera", hint = "") {
  document.body.dataset.view = view;
  if (title !== undefined) {
    byId("curtain-title").textContent = title;
    byId("curtain-text").textContent = text;
    byId("curtain-hint").textContent = hint;
  }
  byId("begin").textContent = button;
  byId("begin").hidden = !button;
}

function refused(reason) {
  wanted = false;
  const [title, text] = Array.isArray(reason) ? reason : ["The camera does not open", String(reason)];
  curtain("refused", title, text, "Try again");
}

async function begin() {
  wanted = true;
  curtain("asking", "Waiting for the camera", "Please allow it in the browser's question.", "");
  try {
    await camera.open();
  } catch (reason) {
    refused(reason);
    return;
  }
  panel.press("mirror", camera.mirrored);
  document.querySelector('[data-command="switch-camera"]').hidden = !camera.several;
  curtain("opening", "One moment", "The first picture is being painted.", "");
  link.command("thumbnails");
  if (state) link.dispatchEvent(new CustomEvent("state", { detail: state })); // there may be a line already
}

function record() {
  if (recording.running) {
    recording.stop();
  } else if (!recording.start(easel.canvas)) {
    news("This browser cannot record a page.");
  }
  panel.press("record", recording.running);
}

function flash() {
  byId("frame").classList.remove("flash");
  requestAnimationFrame(() => byId("frame").classList.add("flash"));
}

function figures() {
  const due = latency.due();
  if (!due) return;
  const ms = (value) => `${Math.round(value)} ms`;
  byId("pulse-age").textContent = Math.round(due.median);
  byId("pulse-rate").textContent = Math.round(due.rate);
  byId("age-median").textContent = ms(due.median);
  byId("age-95").textContent = ms(due.most);
  byId("age-paint").textContent = viewing() ? "–" : ms(due.painting);
  byId("age-rate").textContent = `${due.rate.toFixed(1)} fps`;
  latency.draw(byId("spark"), { lines: false });
  latency.draw(byId("graph"), { lines: true });
  const seconds = Math.floor(recording.seconds);
  byId("rec").hidden = !recording.running;
  byId("rec").lastElementChild.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function paint(picture, source, age, milliseconds) {
  byId("frame").style.setProperty("--shape", `${picture.width} / ${picture.height}`);
  byId("frame").style.setProperty("--wide", picture.width / picture.height);
  easel.show(picture, source);
  latency.add(age, milliseconds);
  figures();
  if (document.body.dataset.view !== "live") {
    document.body.dataset.view = "live";
    performance.mark("first painted frame");
  }
}

link.addEventListener("state", ({ detail }) => {
  state = detail;
  if (before) restore(before, state);
  before = null;
  panel.show(state);
  document.body.classList.toggle("viewing", viewing());
  exchange.longest = state.longest_px ?? exchange.longest;
  exchange.place = state.place ?? 0;
  if (viewing()) {
    panel.press("record", state.recording);
    if (state.notice) news(state.notice);
  } else if (wanted && camera.running && state.place) {
    curtain("line", `You are number ${state.place} in line`, "Everybody in front is painted for two minutes at most. Your picture starts by itself.", "");
  } else if (document.body.dataset.view === "line") {
    curtain("opening", "One moment", "The first picture is being painted.", "");
  }
  panel.press("side-by-side", viewing() ? state.on["side-by-side"] : easel.side_by_side);
  panel.press("mirror", viewing() ? state.on.mirror : camera.mirrored);
});

link.addEventListener("open", () => {
  document.body.classList.remove("lost");
  news("");
  if (camera.running) link.command("thumbnails");
  before = viewing() ? null : state;
});

// The server began anew, and knows nothing of this page: its settings are told again, as far as they fit.
function restore({ styles, chosen, strength, brush, on, rows, mix }, now) {
  const titles = (list) => list.map((style) => style.title).join("\n");
  if (titles(styles) === titles(now.styles)) {
    link.command(`style ${chosen + 1}`);
    if (rows.length) link.command(mixCommand(rows, mix));
  }
  link.command(`strength ${strength}`);
  link.command(`brush ${brush}`);
  for (const name of ["keep-colors", "steady"]) if (on[name] !== now.on[name]) link.command(name);
}

link.addEventListener("lost", ({ detail }) => {
  document.body.classList.add("lost");
  byId("news").textContent = detail || "The server does not answer. The page goes on trying.";
  clearTimeout(newsTimer);
});

link.addEventListener("thumbnail", ({ detail }) => panel.thumbnail(detail.number, detail.blob));
link.addEventListener("row", ({ detail }) => panel.rowThumbnail(detail.number >> 16, detail.number & 0xffff, detail.blob));

link.addEventListener("frame", async ({ detail }) => {
  if (!viewing()) return;
  const bitmap = await createImageBitmap(detail.blob);
  paint(bitmap, null, state.age_ms ?? 0, 0);
  bitmap.close();
  link.command(`seen ${detail.number}`);
});

exchange.addEventListener("painted", ({ detail }) => {
  if (camera.running) paint(detail.bitmap, detail.source, detail.age, detail.milliseconds);
});

camera.addEventListener("ended", () => refused(["The camera is gone", "It was unplugged, or another program took it."]));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("help").open) return;
  if (event.key === "Escape" && document.fullscreenElement) return;
  if (event.key === " " && event.target.closest("button")) return;
  if (event.target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
  const text = state?.keys[event.key === "Escape" ? "\x1b" : event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (text) { event.preventDefault(); command(text); }
});

byId("begin").addEventListener("click", begin);
fillKeys(KEYS);
link.connect();
