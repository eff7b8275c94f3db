// One phone: the chat with the account, its menu, keyboard, and in-app browser.

import { get, post } from "./api.js";
import { Browser } from "./browser.js";
import { friendCard, shown } from "./bubbles.js";
import { GAP_S, timeLabel } from "./clock.js";
import { el, icon } from "./dom.js";
import { askPicture, askPlace, askScene, choose } from "./sheets.js";

const ROLES = { student: "同学", merchant: "商家", rider: "骑手", other: "其他" };
const TYPING_MS = 15_000;
const NEAR_PX = 80;

export class Phone {
  // `row` as GET /sim/phones tells it; `others()` gives the other phones on the desk.
  constructor(row, others) {
    this.others = () => others().filter((phone) => phone !== this);
    this.id = row.id;
    this.name = row.name;
    this.role = ROLES[row.role] ?? row.role;
    this.account = row.account || "校园服务号";
    this.menuNames = new Map();
    this.lastAt = 0;
    this.#build(row);
    this.browser = new Browser(this);
    this.update(row);
  }

  update(row) {
    this.followed = row.followed;
    this.footer.classList.toggle("strange", !row.followed);
    this.followButton.lastChild.textContent = row.followed ? "取消关注" : "关注";
    this.sleeping.hidden = row.followed;
    this.compose.hidden = !row.followed;
    this.#showMenu();
  }

  #build(row) {
    this.titleText = el("h2", {}, this.account);
    const bar = el("header.title-bar", {}, el("span", {}, icon("back")), this.titleText,
      el("button", { type: "button", "aria-label": "更多", onclick: () => this.#more() }, icon("more")));
    this.messages = el("ol.messages", { "data-messages": true, role: "log", "aria-live": "polite",
      "aria-label": `${this.name}的聊天`, tabindex: 0 });
    this.offline = el("p.offline", { hidden: true, role: "status" }, "连不上模拟器，正在重试。写的字都还在。");
    this.footer = this.#buildFooter();
    this.section = el("section.phone", { "data-phone": row.name, "data-role": row.role,
      "aria-label": `${row.name}的手机（${this.role}）` },
      el("div.owner", {}, el("span", { "data-owner": true }, row.name), el("span", {}, this.role)),
      bar, this.offline, this.messages, this.footer);
  }

  #buildFooter() {
    this.input = el("textarea", { "data-input": true, rows: 1, "aria-label": `${this.name}说`, enterkeyhint: "send",
      autocomplete: "off", maxlength: 2000 });
    this.sendButton = el("button.send", { type: "button", "data-send": true, hidden: true,
      onclick: () => this.#send() }, "发送");
    this.plus = el("button", { type: "button", "data-plus": true, "aria-label": "更多功能", "aria-expanded": "false",
      onclick: () => this.#togglePanel() }, icon("plus"));
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#keyed(event));
    this.input.addEventListener("focus", () => this.#togglePanel(false));
    this.compose = el("div.compose", {}, this.input, this.plus, this.sendButton);
    this.menuBar = el("nav.menu-bar", { hidden: true, "aria-label": "服务号菜单" });
    this.panel = this.#buildPanel();
    this.sleeping = el("div.sleeping", { hidden: true },
      el("button.button.plain", { type: "button", "data-follow-scan": true, onclick: () => this.#scan() }, "扫码关注"),
      el("button.button", { type: "button", "data-follow": true, onclick: () => this.#follow() }, "关注服务号"));
    return el("footer", {}, this.menuBar, this.sleeping, this.compose, this.panel);
  }

  #buildPanel() {
    const tool = (name, glyph, label, onclick) => el("button", { type: "button", [`data-tool-${name}`]: true, onclick },
      el("span", {}, icon(glyph)), label);
    this.followButton = tool("follow", "person", "取消关注", () => this.#follow());
    return el("div.panel", { hidden: true, "data-panel": true },
      tool("picture", "picture", "图片", () => this.#picture()),
      tool("place", "place", "位置", () => this.#place()),
      tool("scan", "scan", "扫一扫", () => this.#scan()),
      this.followButton);
  }

  // What arrives

  hear(event) {
    if (event.type === "typing") {
      this.#typing(true);
      return;
    }
    if (event.type === "heard") this.#typing(false);
    const item = shown(event, {
      account: this.account,
      owner: this.name,
      go: (piece) => this.#go(piece),
      menuName: (key) => this.menuNames.get(key) ?? key,
    });
    if (item) this.#put(item, event.at);
  }

  // A card that another person passed on to this one.
  receive(card) {
    this.#put(friendCard(card, (piece) => this.#go(piece)), Date.now() / 1000);
  }

  forget() {
    this.messages.replaceChildren();
    this.lastAt = 0;
  }

  #put(item, at) {
    const box = this.messages;
    const near = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    if (at - this.lastAt > GAP_S || this.lastAt === 0) {
      const label = timeLabel(at, Math.max(at, Date.now() / 1000));
      box.append(el("li.time", { "data-time": at }, label));
    }
    this.lastAt = at;
    box.append(item);
    if (near || item.dataset.kind === "said") this.scrollDown();
    item.querySelector("img")?.addEventListener("load", () => near && this.scrollDown());
  }

  scrollDown() {
    this.messages.scrollTop = this.messages.scrollHeight;
  }

  #typing(on) {
    clearTimeout(this.typingTimer);
    this.titleText.textContent = on ? "对方正在输入…" : this.account;
    if (on) this.typingTimer = setTimeout(() => this.#typing(false), TYPING_MS);
  }

  online(on) {
    this.offline.hidden = on;
  }

  toast(text) {
    const note = el("div.toast", { role: "status" }, text);
    this.section.append(note);
    setTimeout(() => note.remove(), 2500);
  }

  // What the person does

  async #do(what, body, failed = () => {}) {
    try {
      return await post(`phones/${this.id}/${what}`, body);
    } catch (error) {
      failed();
      this.toast(error instanceof TypeError ? "没发出去，连不上模拟器" : error.message);
      return null;
    }
  }

  #typed() {
    const empty = this.input.value.trim() === "";
    this.sendButton.hidden = empty;
    this.plus.hidden = !empty;
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
  }

  #keyed(event) {
    const composing = event.isComposing || event.keyCode === 229; // an input method picks its word
    if (event.key !== "Enter" || event.shiftKey || composing) return;
    event.preventDefault();
    this.#send();
  }

  async #send() {
    const content = this.input.value.trim();
    if (content === "") return;
    this.input.value = "";
    this.#typed();
    this.input.focus();
    await this.#do("text", { content }, () => {
      if (this.input.value === "") this.input.value = content;
      this.#typed();
    });
  }

  #go(piece) {
    if (piece.tap) {
      const { content, id } = piece.tap;
      this.#do("text", id === null ? { content } : { content, msgmenuid: id });
    } else {
      this.browser.open(piece.href).catch((error) => this.toast(
        error instanceof TypeError ? "打不开，连不上模拟器" : "打不开：模拟器只打开本机的网页"));
    }
  }

  #togglePanel(open = this.panel.hidden) {
    this.panel.hidden = !open;
    this.plus.setAttribute("aria-expanded", String(open));
    if (open) this.scrollDown();
  }

  async #picture() {
    const pic = await askPicture(this.section);
    if (pic) await this.#do("image", { pic });
  }

  async #place() {
    const { places } = await get("places").catch(() => ({ places: [] }));
    const spot = await askPlace(this.section, places);
    if (!spot) return;
    const { quiet, ...place } = spot;
    if (await this.#do(quiet ? "position" : "location", place) && quiet) this.toast("已上报，服务号知道你在哪了");
  }

  async #placeByMenu(item) {
    const { places } = await get("places").catch(() => ({ places: [] }));
    const spot = await askPlace(this.section, places);
    if (!spot) return;
    const { lat, lng, label } = spot;
    await this.#do("menu", { key: item.key, kind: item.type, lat, lng, label });
  }

  async #scan() {
    const scene = await askScene(this.section);
    if (!scene) return;
    if (/^https?:\/\//i.test(scene)) this.#go({ href: scene });
    else await this.#do("scan", { scene });
    await this.#refresh();
  }

  async #follow() {
    this.#togglePanel(false);
    await this.#do(this.followed ? "unfollow" : "follow", {});
    await this.#refresh();
  }

  async #more() {
    const chosen = await choose(this.section, this.account, [
      [this.followed ? "不再关注" : "关注", "follow"], ["刷新菜单", "menu"]]);
    if (chosen === "follow") await this.#follow();
    if (chosen === "menu") await this.#refresh();
  }

  async #refresh() {
    const { phones } = await get("phones");
    const row = phones.find(({ id }) => id === this.id);
    if (row) this.update(row);
    await this.loadMenu();
  }

  // The account's menu

  async loadMenu() {
    const said = await get(`menu?phone=${encodeURIComponent(this.id)}`).catch(() => ({}));
    const buttons = said.button ?? said.menu?.button ?? [];
    const plain = JSON.stringify(buttons);
    if (plain === this.menuPlain) return;
    this.menuPlain = plain;
    this.menuBar.replaceChildren(...buttons.map((button) => this.#column(button)));
    this.#showMenu();
  }

  #showMenu() {
    this.menuBar.hidden = !this.followed || this.menuBar.childElementCount === 0;
  }

  #column(button) {
    const items = button.sub_button?.list ?? button.sub_button ?? [];
    if (items.length === 0) return el("div.menu-column", {}, this.#item(button));
    const list = el("div.menu-list", { hidden: true }, ...items.map((item) => this.#item(item, () => open(false))));
    const head = el("button", { type: "button", "aria-haspopup": "true", "aria-expanded": "false" }, button.name);
    const open = (on) => {
      list.hidden = !on;
      head.setAttribute("aria-expanded", String(on));
      if (!on && list.contains(document.activeElement)) head.focus();
    };
    const column = el("div.menu-column", {}, head, list);
    head.addEventListener("click", () => open(list.hidden));
    column.addEventListener("keydown", (event) => event.key === "Escape" && open(false));
    column.addEventListener("focusout", (event) => column.contains(event.relatedTarget) || open(false));
    return column;
  }

  #item(item, done = () => {}) {
    if (item.key) this.menuNames.set(item.key, item.name);
    return el("button", { type: "button", "data-menu": item.key ?? item.url ?? item.name, onclick: () => {
      done();
      this.#tapMenu(item);
    } }, item.name);
  }

  async #tapMenu(item) {
    if (item.type === "view" || (item.url && !["click", "miniprogram"].includes(item.type))) {
      this.#do("menu", { key: item.url });
      this.#go({ href: item.url });
    } else if (item.type === "location_select") {
      await this.#placeByMenu(item);
    } else if (item.type?.startsWith("scancode")) {
      const result = await askScene(this.section);
      if (result) await this.#do("menu", { key: item.key, kind: item.type, result });
    } else if (item.type?.startsWith("pic_")) {
      const pic = await askPicture(this.section);
      if (pic) await this.#do("menu", { key: item.key, kind: item.type, pic });
    } else if (item.type === "miniprogram") {
      await this.#do("menu", { key: item.pagepath, kind: "view_miniprogram" });
    } else {
      await this.#do("menu", { key: item.key ?? "" });
    }
  }
}
