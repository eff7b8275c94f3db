// What rises inside a phone: choices, the place picker, pictures, the scanner.

import { pin } from "./bubbles.js";
import { el, svg } from "./dom.js";

// Shows `content` at the foot of the phone; resolves with what `close(value)` is given.
export function raise(phone, title, build) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const sheet = el("div.sheet", { role: "dialog", "aria-modal": "true", "aria-label": title });
    const veil = el("div.veil", {}, sheet);
    const behind = [...phone.children].filter((child) => !child.inert);
    for (const child of behind) child.inert = true;
    const close = (value) => {
      veil.remove();
      for (const child of behind) child.inert = false;
      before?.focus?.({ preventScroll: true });
      resolve(value);
    };
    veil.addEventListener("click", (event) => event.target === veil && close(undefined));
    veil.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close(undefined);
      if (event.key === "Tab") keepInside(event, sheet);
    });
    sheet.append(el("h3", {}, title), ...build(close));
    phone.append(veil);
    (sheet.querySelector("[autofocus]") ?? sheet.querySelector("button, input"))
      ?.focus({ preventScroll: true });
  });
}

function keepInside(event, sheet) {
  const stops = [...sheet.querySelectorAll("button, input, select, textarea, a[href]")];
  const [first, last] = [stops[0], stops.at(-1)];
  if (event.shiftKey ? document.activeElement === first : document.activeElement === last) {
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }
}

const ends = (close, label) => el("div.ends", {},
  el("button.button.plain", { type: "button", onclick: () => close(undefined) }, "取消"),
  el("button.button", { type: "submit", "data-ok": true }, label));

// A list of choices: [[label, value], …].
export function choose(phone, title, choices) {
  return raise(phone, title, (close) => [
    el("div.rows", {}, ...choices.map(([label, value]) =>
      el("button", { type: "button", onclick: () => close(value) }, label))),
    el("div.ends", {}, el("button.button.plain", { type: "button", onclick: () => close(undefined) }, "取消")),
  ]);
}

export function askScene(phone) {
  return raise(phone, "扫一扫", (close) => {
    const input = el("input", { name: "scene", "data-scene": true, placeholder: "例如 b_ap01", autocomplete: "off",
      autofocus: true, maxlength: 64, required: true });
    const onsubmit = (event) => {
      event.preventDefault();
      close(input.value.trim());
    };
    return [el("form", { onsubmit }, el("label", {}, "二维码的场景值，或一个网页地址", input), ends(close, "扫码"))];
  });
}

// A place: on a map of the known places, or on a sketch around the last place that was used.

const KEPT = "sim.place";
const WIDTH = 320;
const HEIGHT = 180;
const EDGE = 24;
const DEGREE_M = 111_320;
const SKETCH_M = 640; // across the whole map
const SOMEWHERE = { lat: 30.54, lng: 114.36, label: "" };

function keptPlace() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT));
    if (Number.isFinite(kept?.lat) && Number.isFinite(kept?.lng)) return kept;
  } catch { /* a spoilt note is no note */ }
  return null;
}

const round = (degrees) => Math.round(degrees * 1e6) / 1e6;

// `places`: [{ label, lat, lng }]. Resolves with one such place; `quiet`: as a LOCATION event.
export function askPlace(phone, places) {
  return raise(phone, "发送位置", (close) => {
    const first = keptPlace() ?? places[0] ?? SOMEWHERE;
    const number = (name) => el("input", { name, type: "number", step: "any", required: true, [`data-${name}`]: true });
    const [lat, lng] = [number("lat"), number("lng")];
    const label = el("input", { name: "label", maxlength: 60, "data-label": true, autocomplete: "off" });
    const map = campusMap(first, places, (spot) => fill(spot));
    const fill = (spot) => {
      lat.value = spot.lat;
      lng.value = spot.lng;
      label.value = spot.label ?? "";
      map.point(spot);
    };
    fill(first);
    const onsubmit = (event) => {
      event.preventDefault();
      const spot = { lat: Number(lat.value), lng: Number(lng.value), label: label.value.trim() };
      localStorage.setItem(KEPT, JSON.stringify(spot));
      close({ ...spot, quiet: event.submitter?.hasAttribute("data-quiet") });
    };
    const chips = el("div.chips", {}, ...places.map((spot) =>
      el("button", { type: "button", onclick: () => fill(spot) }, spot.label)));
    return [el("form", { onsubmit }, map.node, places.length ? chips : null,
      el("div.pair", {}, el("label", {}, "纬度", lat), el("label", {}, "经度", lng)),
      el("label", {}, "地点名", label), ends(close, "发送"),
      el("button.quiet", { type: "submit", "data-quiet": true }, "不发消息，只上报我的位置"))];
  });
}

// → { node, point(spot) }; a click tells `chosen` its place, with the label of what lies there.
function campusMap(first, places, chosen) {
  const scale = scaleFor(places.length ? places : [first]);
  const mark = pin(WIDTH / 2, HEIGHT / 2);
  const node = svg("svg", { class: "map", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "data-map": "",
    "aria-label": "校园示意图，点一下选位置；也可以在下面填经纬度" });
  node.append(svg("rect", { class: "ground", width: WIDTH, height: HEIGHT }),
    ...(places.length ? houses(places, scale) : sketch()), mark);
  node.addEventListener("click", (event) => {
    const box = node.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const y = ((event.clientY - box.top) / box.height) * HEIGHT;
    const spot = scale.back(x, y);
    const near = places.find((place) => Math.hypot(scale.x(place) - x, scale.y(place) - y) < 14);
    chosen(near ?? { lat: round(spot.lat), lng: round(spot.lng), label: "" });
  });
  const point = (spot) => mark.setAttribute("transform", `translate(${scale.x(spot)} ${scale.y(spot)})`);
  return { node, point };
}

// Degrees ↔ map units, so that all of `spots` fit.
function scaleFor(spots) {
  const [lats, lngs] = [spots.map(({ lat }) => lat), spots.map(({ lng }) => lng)];
  const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  const span = (values) => Math.max(...values) - Math.min(...values);
  const [lat0, lng0] = [middle(lats), middle(lngs)];
  const shrink = Math.cos((lat0 * Math.PI) / 180);
  const fit = Math.max(SKETCH_M, span(lngs) * DEGREE_M * shrink * (WIDTH / (WIDTH - 2 * EDGE)),
    span(lats) * DEGREE_M * (WIDTH / (HEIGHT - 2 * EDGE)));
  const unit = WIDTH / (spots.length > 1 ? fit : SKETCH_M) * DEGREE_M;
  return {
    x: ({ lng }) => WIDTH / 2 + (lng - lng0) * shrink * unit,
    y: ({ lat }) => HEIGHT / 2 - (lat - lat0) * unit,
    back: (x, y) => ({ lat: lat0 - (y - HEIGHT / 2) / unit, lng: lng0 + (x - WIDTH / 2) / (unit * shrink) }),
  };
}

function houses(places, scale) {
  return places.flatMap((place) => {
    const [x, y] = [scale.x(place), scale.y(place)];
    const name = svg("text", { x, y: y + 16 }, place.label.slice(0, 6));
    return [svg("rect", { class: "house", x: x - 9, y: y - 7, width: 18, height: 13, rx: 2 }), name];
  });
}

function sketch() {
  return [
    svg("path", { class: "water", d: "M236 0h84v66q-30 22-58 4t-26-70z" }),
    svg("path", { class: "road", d: "M0 124h320M92 0v180M208 0q-18 60-4 124v56M0 50h92M208 88h112" }),
    svg("path", { class: "house", d: "M16 14h58v22H16zM16 64h26v44H16zM52 64h26v44H52zM110 18h72v34h-72zM110 68h30v40h-30z"
      + "M152 68h30v40h-30zM226 98h36v16h-36zM276 98h32v16h-32zM16 138h58v26H16zM110 140h76v24h-76zM226 140h80v24h-80z" }),
  ];
}

// A picture: one of three drawn here, or a file; as a JPEG data URL of at most 1024 pixels.

const SAMPLES = [["洒了的餐", drawSpill], ["校园卡", drawCard], ["餐架上的餐", drawShelf]];

export function askPicture(phone) {
  return raise(phone, "发送图片", (close) => {
    const samples = SAMPLES.map(([name, draw]) => {
      const src = drawn(320, 320, draw);
      return el("button", { type: "button", onclick: () => close(src) }, el("img", { src, alt: "" }), el("span", {}, name));
    });
    const file = el("input", { type: "file", accept: "image/*", "data-file": true });
    file.addEventListener("change", async () => close(await shrunk(file.files[0])));
    return [el("div.samples", {}, ...samples), el("label.file", {}, "从文件选", file),
      el("div.ends", {}, el("button.button.plain", { type: "button", onclick: () => close(undefined) }, "取消"))];
  });
}

function drawn(width, height, draw) {
  const canvas = el("canvas", { width, height });
  draw(canvas.getContext("2d"));
  return canvas.toDataURL("image/jpeg", 0.85);
}

async function shrunk(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, 1024 / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
  return drawn(width, height, (pen) => pen.drawImage(bitmap, 0, 0, width, height));
}

function fill(pen, colour, ...boxes) {
  pen.fillStyle = colour;
  for (const [x, y, width, height] of boxes) pen.fillRect(x, y, width, height);
}

function disc(pen, colour, x, y, rx, ry = rx) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
  pen.fill();
}

function drawSpill(pen) {
  fill(pen, "#c9b79c", [0, 0, 320, 320]);
  disc(pen, "#a8652a", 190, 220, 110, 62);
  disc(pen, "#b8752f", 120, 250, 60, 30);
  disc(pen, "#f4f1ea", 140, 130, 92);
  disc(pen, "#e2ddd2", 140, 130, 76);
  disc(pen, "#8e4f1d", 150, 140, 58, 50);
  for (const [x, y] of [[200, 210], [240, 232], [160, 246], [226, 190]]) disc(pen, "#e8d9a0", x, y, 14, 10);
}

function drawCard(pen) {
  fill(pen, "#e6e6e6", [0, 0, 320, 320]);
  fill(pen, "#1f5fae", [30, 70, 260, 170]);
  fill(pen, "#fff", [48, 118, 70, 88]);
  disc(pen, "#9db6d3", 83, 148, 18);
  disc(pen, "#9db6d3", 83, 196, 28, 20);
  pen.font = "bold 24px sans-serif";
  pen.fillText("校园卡 · 样张", 48, 104);
  fill(pen, "#cfe0f4", [136, 126, 130, 12], [136, 152, 96, 12], [136, 178, 114, 12]);
}

function drawShelf(pen) {
  fill(pen, "#dfe6ea", [0, 0, 320, 320]);
  fill(pen, "#8796a0", [20, 20, 12, 290], [288, 20, 12, 290], [20, 150, 280, 12], [20, 296, 280, 12]);
  fill(pen, "#d9a15b", [60, 70, 80, 80], [180, 206, 90, 90]);
  fill(pen, "#f2f2f2", [170, 84, 70, 66], [60, 220, 84, 76]);
  fill(pen, "#fff", [76, 92, 46, 30], [200, 232, 50, 34]);
}
