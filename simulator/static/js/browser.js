// The in-app browser: a page at the phone's own origin, in a frame that covers the chat.

import { post } from "./api.js";
import { el, icon } from "./dom.js";
import { choose } from "./sheets.js";

const SANDBOX = "allow-scripts allow-forms allow-same-origin allow-popups allow-modals allow-downloads";

export class Browser {
  // `phone`: { section, id, name, toast, others() → phones }.
  constructor(phone) {
    this.phone = phone;
    this.pane = null;
    this.share = null;
    window.addEventListener("message", (event) => this.#hear(event));
  }

  async open(href) {
    const { url } = await post(`phones/${this.phone.id}/open`, { url: href });
    this.close();
    this.origin = new URL(url).origin;
    this.share = null;
    this.#build(url);
  }

  close() {
    if (!this.pane) return;
    this.pane.remove();
    this.pane = null;
    this.phone.section.querySelector("[data-input]")?.focus({ preventScroll: true });
  }

  #build(url) {
    this.title = el("h2", {}, "");
    this.loading = el("div.loading.busy");
    this.frame = el("iframe", { "data-webview": true, title: "网页", sandbox: SANDBOX,
      referrerpolicy: "no-referrer", allow: "clipboard-write", src: url });
    this.frame.addEventListener("load", () => this.#loaded());
    const close = el("button", { type: "button", "data-webview-close": true, "aria-label": "关闭网页",
      onclick: () => this.close() }, icon("close"));
    const more = el("button", { type: "button", "aria-label": "更多", "aria-haspopup": "dialog",
      "data-webview-more": true, onclick: () => this.#more() }, icon("more"));
    this.pane = el("div.webview", { role: "dialog", "aria-label": "内置浏览器" },
      el("div.title-bar", {}, close, this.title, more), this.loading, this.frame);
    this.pane.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    this.phone.section.append(this.pane);
    close.focus({ preventScroll: true });
  }

  // The frame is another origin's; its proxy tells us what it shows.
  async #loaded() {
    this.loading.classList.remove("busy");
    const pane = this.pane;
    try {
      const state = await (await fetch(`${this.origin}/__wx/state`)).json();
      if (pane === this.pane && pane) this.title.textContent = state.title || state.target;
    } catch { /* a page without a title is still a page */ }
  }

  async #more() {
    const others = this.phone.others();
    const choices = [["刷新", "reload"],
      ...others.map((other) => [`转发给 ${other.name}`, other]), ["关闭", "close"]];
    const chosen = await choose(this.pane, "网页", choices);
    if (chosen === "reload") this.frame.src = this.frame.src;
    else if (chosen === "close") this.close();
    else if (chosen) await this.#pass(chosen);
  }

  // Pass the page on to another person, by the card the page prepared if it did.
  async #pass(other) {
    const shared = this.share ?? {};
    const href = shared.link || this.frame.src;
    other.receive({ from: this.phone.name, title: shared.title || this.title.textContent,
      desc: shared.desc, href });
    this.phone.toast(`已发给 ${other.name}`);
  }

  #hear(event) {
    if (!this.frame || event.source !== this.frame.contentWindow || !this.pane) return;
    const { wx, data } = event.data ?? {};
    if (wx === "closeWindow") this.close();
    if (wx === "share" && data && typeof data === "object") {
      this.share = { title: String(data.title ?? ""), desc: String(data.desc ?? ""), link: httpOnly(data.link) };
    }
    if (wx === "title") this.title.textContent = String(data ?? "");
  }
}

const httpOnly = (link) => (/^https?:\/\//i.test(String(link ?? "")) ? String(link) : "");
