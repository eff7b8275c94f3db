// The desk: phones side by side, one long poll for all of them.

import { get, listen, post } from "./api.js";
import { el } from "./dom.js";
import { Phone } from "./phone.js";
import { Troubles } from "./troubles.js";

const FIRST = [["小林", "student"], ["食堂", "merchant"], ["阿哲", "rider"]];
const MENU_EVERY_MS = 20_000;

const desk = document.querySelector("[data-phones]");
const empty = document.querySelector("[data-empty]");
const tabs = document.querySelector("[data-tabs]");
const state = document.querySelector("[data-state]");
const dialog = document.querySelector("[data-add-dialog]");
const phones = new Map();

async function loadPhones() {
  const said = await get("phones");
  for (const row of said.phones) {
    const known = phones.get(row.id);
    if (known) known.update(row);
    else place(row);
  }
  empty.hidden = phones.size > 0;
}

function place(row) {
  const phone = new Phone(row, () => [...phones.values()]);
  phones.set(row.id, phone);
  desk.append(phone.section);
  addTab(phone);
  empty.hidden = true;
  phone.loadMenu();
  return phone;
}

// On a narrow window one phone fills it: a row of names leads to the others.

function addTab(phone) {
  const tab = el("button", { type: "button", onclick: () => show(phone) },
    `${phone.name} `, el("small", {}, phone.role));
  tabs.append(tab);
  seen.observe(phone.section);
  tabOf.set(phone.section, tab);
}

function show(phone) {
  phone.section.scrollIntoView({ inline: "center", block: "nearest" });
}

const tabOf = new Map();
const seen = new IntersectionObserver((changes) => {
  for (const { target, intersectionRatio } of changes) {
    tabOf.get(target)?.setAttribute("aria-current", String(intersectionRatio > 0.5));
  }
}, { threshold: [0, 0.5, 0.51, 1] });

async function hear(events, { fresh }) {
  if (fresh || events.some(({ phone }) => !phones.has(phone))) await loadPhones();
  if (fresh) for (const phone of phones.values()) phone.forget();
  for (const event of events) phones.get(event.phone)?.hear(event);
  if (fresh) for (const phone of phones.values()) phone.scrollDown();
  if (events.some(({ type, content }) => type === "notice" && /关注/.test(content))) await loadPhones();
}

let online = null;

function tell(on) {
  if (on === online) return;
  online = on;
  state.dataset.state = on ? "online" : "offline";
  state.textContent = on ? "已连接" : "连不上模拟器，正在重试…";
  for (const phone of phones.values()) phone.online(on);
}

function openDialog() {
  dialog.querySelector("form").reset();
  dialog.querySelector("[data-error]").textContent = "";
  dialog.showModal();
}

async function add(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const body = { name: form.get("name").trim(), role: form.get("role"), follow: form.has("follow") };
  try {
    if (body.name === "") throw new Error("先写名字");
    const row = await post("phones", body);
    dialog.close();
    const phone = phones.get(row.id) ?? place(row);
    show(phone);
    phone.input.focus({ preventScroll: true });
  } catch (error) {
    dialog.querySelector("[data-error]").textContent =
      error instanceof TypeError ? "连不上模拟器，稍后再试" : error.message;
  }
}

async function addFirst() {
  for (const [name, role] of FIRST) place(await post("phones", { name, role, follow: true }));
}

function keepMenus() {
  if (document.hidden || !online) return;
  for (const phone of phones.values()) phone.loadMenu();
}

document.querySelector("[data-add]").addEventListener("click", openDialog);
document.querySelector("[data-first]").addEventListener("click", addFirst);
dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());
dialog.querySelector("form").addEventListener("submit", add);
setInterval(keepMenus, MENU_EVERY_MS);
new Troubles(document.querySelector("[data-troubles]"), document.querySelector("[data-drawer]"));

await loadPhones().catch(() => {});
listen(hear, tell);
