// The operator's drawer: which troubles can be switched on, which are, and the last exchanges.

import { get, post, remove } from "./api.js";
import { el } from "./dom.js";

const EVERY_MS = 2000;
const SHOWN = 60;
const COUNTS = [["1", "1 次"], ["3", "3 次"], ["10", "10 次"], ["", "直到关掉"]];
const KINDS = { call: "调用", push: "推送", notify: "通知", refund: "退款", transfer: "转账" };

export class Troubles {
  // `button`: in the bar, with the number that are on. `drawer`: where all of it is shown.
  constructor(button, drawer) {
    this.button = button;
    this.count = el("b.badge", { hidden: true });
    this.button.append(this.count);
    this.on = el("ul.faults-on", { "data-faults-on": true, "aria-live": "polite" });
    this.switches = el("div", {});
    this.journal = el("ol.journal", { "data-journal": true, "aria-label": "最近的往来" });
    this.fault = el("p.dialog-error", { role: "alert" });
    this.drawer = drawer;
    drawer.append(this.#head(), this.fault, el("h3", {}, "正在出的毛病"), this.on,
      el("h3", {}, "出点毛病"), this.switches, el("h3", {}, "当下就做"), this.#acts(),
      el("h3", {}, "最近的往来"), this.journal);
    button.addEventListener("click", () => this.toggle());
    drawer.addEventListener("keydown", (event) => event.key === "Escape" && this.toggle(false));
    setInterval(() => document.hidden || this.refresh(), EVERY_MS);
    this.refresh();
  }

  #head() {
    return el("header", {}, el("h2", {}, "毛病与往来"),
      el("button.button.plain", { type: "button", "data-all-off": true, onclick: () => this.#allOff() }, "全部关掉"),
      el("button", { type: "button", "aria-label": "关上", "data-drawer-close": true, onclick: () => this.toggle(false) }, "×"));
  }

  #acts() {
    const act = (title, path) => el("button.button.plain", { type: "button", onclick: () => this.#try(() => post(path)) }, title);
    return el("div.acts", {}, act("作废所有 token", "tokens/expire"), act("换平台证书", "certificates/rotate"),
      act("验证服务器地址", "handshake"));
  }

  toggle(open = this.drawer.hidden) {
    this.drawer.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    if (open) {
      this.refresh();
      this.drawer.querySelector("button")?.focus({ preventScroll: true });
    } else this.button.focus({ preventScroll: true });
  }

  async refresh() {
    const said = await get("troubles").catch(() => null);
    if (!said) return;
    this.#showOn(said.on);
    if (this.drawer.hidden) return;
    if (this.switches.childElementCount === 0) this.#buildSwitches(said.troubles);
    const { entries, last } = await get(`journal?last=${SHOWN}`).catch(() => ({ entries: [], last: 0 }));
    if (last !== this.last) this.journal.replaceChildren(...entries.reverse().map(entry));
    this.last = last;
  }

  #showOn(on) {
    this.count.hidden = on.length === 0;
    this.count.textContent = on.length;
    const plain = JSON.stringify(on);
    if (plain === this.onPlain) return;
    this.onPlain = plain;
    this.on.replaceChildren(...on.map((fault) => el("li", { "data-fault": fault.id },
      el("span", {}, fault.label, el("small", {}, ` ${left(fault)}${struck(fault)}`)),
      el("button.button.plain", { type: "button", onclick: () => this.#try(() => remove(`faults/${fault.id}`)) }, "关掉"))));
    if (on.length === 0) this.on.append(el("li.none", {}, "没有，一切正常"));
  }

  #buildSwitches(troubles) {
    for (const [group, rows] of Map.groupBy?.(troubles, (t) => t.group) ?? grouped(troubles)) {
      this.switches.append(el("fieldset", {}, el("legend", {}, group), ...rows.map((row) => this.#row(row))));
    }
  }

  #row({ name, title, places }) {
    const place = el("select", { "aria-label": `${title}：在哪`, hidden: places.length === 1 },
      ...places.map(({ where, title: called }) => el("option", { value: where }, called)));
    const times = el("select", { "aria-label": `${title}：几次` },
      ...COUNTS.map(([value, label]) => el("option", { value }, label)));
    const onclick = () => this.#try(() => post(`troubles/${name}`, {
      where: place.value, times: times.value === "" ? null : Number(times.value) }));
    return el("div.trouble", { "data-trouble": name }, el("span", {}, title), place, times,
      el("button.button", { type: "button", "aria-label": `开：${title}`, onclick }, "开"));
  }

  async #try(act) {
    this.fault.textContent = "";
    try {
      await act();
    } catch (error) {
      this.fault.textContent = error instanceof TypeError ? "连不上模拟器，稍后再试" : error.message;
    }
    await this.refresh();
  }

  #allOff() {
    return this.#try(() => remove("faults"));
  }
}

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return groups;
}

const left = ({ times }) => (times === null ? "直到关掉" : times > 0 ? `还剩 ${times} 次` : "卡着");
const struck = (fault) => (fault.struck > 0 ? `，已出 ${fault.struck} 次` : "");

// One line of the journal: when, which way, what, and how it went.
function entry(row) {
  const at = new Date(row.at * 1000).toLocaleTimeString("zh-CN", { hour12: false });
  const what = row.path ?? row.notice ?? row.msg_type ?? row.out_refund_no ?? row.out_bill_no ?? "";
  const code = row.response?.errcode ?? row.response?.code;
  const went = row.error ?? [row.status, code].filter((part) => part !== undefined && part !== null && part !== 0).join(" ");
  const bad = Boolean(row.error) || row.status >= 400 || (code !== undefined && code !== 0);
  return el(`li${bad ? ".bad" : ""}`, {}, el("time", {}, at), el("b", {}, KINDS[row.kind] ?? row.kind),
    el("code", {}, what), el("span", {}, String(went)), row.fault ? el("em", {}, row.fault) : null);
}
