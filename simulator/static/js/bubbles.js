// One event of the simulator → what the chat shows of it.

import { avatar, el, svg } from "./dom.js";
import { rendered } from "./text.js";

const UNSHOWN = { voice: "[语音]", video: "[视频]", music: "[音乐]", image: "[图片]",
  miniprogrampage: "[小程序]", wxcard: "[卡券]", mpnews: "[文章]" };

// → <li data-kind=…>, or null for what is not shown. `scene`: { account, owner, go, menuName }.
export function shown(event, scene) {
  const make = { said, heard, template, notice }[event.type];
  const item = make ? make(event, scene) : null;
  if (item) {
    item.dataset.kind = event.type;
    item.dataset.seq = event.seq;
  }
  return item;
}

function turn(own, name, face, ...content) {
  const who = el("span.unseen", {}, `${name}：`);
  return el(`li.turn${own ? ".own" : ""}`, {}, face, who, ...content);
}

const bubble = (...content) => el("div.bubble", {}, ...content);
const bare = (...content) => el("div.bubble.bare", {}, ...content);

function said(event, scene) {
  if (event.kind === "menu") return line(`点了菜单「${scene.menuName(event.content)}」`);
  if (event.kind === "scan") return line(`扫了二维码 ${event.content}`);
  const content = { location: place, image: picture }[event.kind];
  const inside = content ? bare(content(event)) : bubble(words(event, scene));
  return turn(true, scene.owner, avatar(scene.owner), inside);
}

function words(event, scene) {
  if (event.kind === "video" || event.kind === "shortvideo") return "[视频]";
  if (event.kind === "link") return `🔗 ${event.content || event.url}`;
  if (event.kind === "voice") return `🎤 ${event.content || "语音"}`;
  return rendered(event.content ?? "", scene.go);
}

function heard(event, scene) {
  const face = () => avatar(scene.account, "#07c160");
  const articles = event.articles ?? event.news?.articles;
  if (articles) return el("li", {}, ...articles.map((article) => story(article, scene)));
  if (event.msgtype === "image" && addressOf(event)) {
    return turn(false, scene.account, face(), bare(picture({ content: addressOf(event) })));
  }
  const text = event.msgtype === "msgmenu" ? menuText(event) : event.content;
  const inside = text ? rendered(text, scene.go) : UNSHOWN[event.msgtype] ?? `[${event.msgtype}]`;
  return turn(false, scene.account, face(), bubble(inside));
}

const addressOf = (event) => event.url ?? event.picurl
  ?? (event.media_id ? `/sim/media/${encodeURIComponent(event.media_id)}` : "");

// 客服菜单消息: plain lines, each item tappable.
function menuText(event) {
  const menu = event.msgmenu ?? event;
  const items = (menu.list ?? []).map(({ id, content }) => {
    const query = `msgmenucontent=${encodeURIComponent(content)}&msgmenuid=${encodeURIComponent(id)}`;
    return `<a href="weixin://bizmsgmenu?${query}">${content.replaceAll("<", "＜")}</a>`;
  });
  return [menu.head_content, ...items, menu.tail_content].filter(Boolean).join("\n");
}

function story(article, scene) {
  const url = article.url ?? "";
  const picture = article.picurl ? el("img", { src: article.picurl, alt: "" }) : null;
  const parts = [el("h3", {}, article.title ?? ""), picture, el("p", {}, article.description ?? "")];
  return tappable("story", url, scene, ...parts);
}

function template(event, scene) {
  const rows = el("dl", {});
  for (const { label, value } of event.rows ?? []) {
    rows.append(el("dt", {}, label), el("dd", {}, value));
  }
  const parts = [el("h3", {}, event.title ?? ""), rows];
  if (event.url) parts.push(el("div.more", {}, "查看详情"));
  return el("li", {}, tappable("template", event.url, scene, ...parts));
}

function tappable(kind, url, scene, ...parts) {
  if (!/^https?:\/\//i.test(url ?? "")) return el(`article.card.${kind}`, {}, ...parts);
  const onclick = (event) => {
    event.preventDefault();
    scene.go({ href: url });
  };
  return el(`a.card.${kind}`, { href: url, onclick }, ...parts);
}

const line = (text) => el("li.notice", {}, text);

const notice = (event) => line(event.content ?? "");

function picture(event) {
  const src = event.content ?? "";
  const safe = /^(https?:|\/|data:image\/|blob:)/i.test(src) ? src : "";
  const img = el("img.picture", { src: safe, alt: "图片", loading: "lazy" });
  img.addEventListener("error", () => img.replaceWith(bubble("[图片]")), { once: true });
  return img;
}

function place(event) {
  const where = `${Number(event.lat).toFixed(5)}, ${Number(event.lng).toFixed(5)}`;
  const label = event.label || "位置";
  return el("div.place", {}, el("b", {}, label), el("small", {}, where), mapTile());
}

function mapTile() {
  const tile = svg("svg", { viewBox: "0 0 232 96", "aria-hidden": "true",
    preserveAspectRatio: "xMidYMid slice" });
  tile.append(
    svg("rect", { class: "ground", width: 232, height: 96 }),
    svg("path", { class: "water", d: "M170 0h62v40q-40 16-62-40z" }),
    svg("path", { class: "road", d: "M0 66h232M70 0v96M150 0l-20 96" }),
    svg("path", { class: "house", d: "M14 12h40v36H14zM86 14h36v34H86zM84 78h34v18H84zM160 76h52v20h-52z" }),
    pin(116, 50));
  return tile;
}

export function pin(x, y) {
  const d = "M0 0c-8-10-11-14-11-19a11 11 0 1 1 22 0c0 5-3 9-11 19z";
  const shape = svg("path", { class: "pin", d, transform: `translate(${x} ${y})`, "stroke-width": 1.5 });
  return shape;
}

// A link that a friend passed on, as a card (only on this page; the account never sees it).
export function friendCard({ from, title, desc, href }, go) {
  const onclick = (event) => {
    event.preventDefault();
    go({ href });
  };
  const card = el("a.card.story", { href, onclick },
    el("h3", {}, title || href), desc ? el("p", {}, desc) : null);
  const item = turn(false, from, avatar(from), card);
  item.dataset.kind = "friend";
  return item;
}

