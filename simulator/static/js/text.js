// A text message as WeChat shows it: plain, but for <a> links and bare web addresses.

const LINK = /<a\s+([^<>]*?)>([\s\S]*?)<\/a>/gi;
const ATTRIBUTE = /([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const BARE = /https?:\/\/[\w\-.~:/?#[\]@!$&'()*+,;=%]+/g;

// → [{ text }] or [{ text, href }] or [{ text, tap: { content, id } }], in order.
export function pieces(raw) {
  const found = [];
  let end = 0;
  for (const match of raw.matchAll(LINK)) {
    found.push(...bare(raw.slice(end, match.index)), linked(match[1], match[2], match[0]));
    end = match.index + match[0].length;
  }
  found.push(...bare(raw.slice(end)));
  return found.filter((piece) => piece.text !== "");
}

function bare(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(BARE)) {
    const href = match[0].replace(/[.,;:!?'()[\]]+$/, "");
    found.push({ text: text.slice(end, match.index) }, { text: href, href });
    end = match.index + href.length;
  }
  return [...found, { text: text.slice(end) }];
}

function linked(attributes, text, whole) {
  const href = hrefOf(attributes);
  if (/^https?:\/\//i.test(href)) return { text, href };
  const tap = tapOf(href);
  if (tap) return { text, tap, href };
  return { text: href === "" ? whole : text };
}

function hrefOf(attributes) {
  for (const [, name, double, single] of attributes.matchAll(ATTRIBUTE)) {
    if (name.toLowerCase() === "href") return (double ?? single).trim().replaceAll("&amp;", "&");
  }
  return "";
}

// weixin://bizmsgmenu?msgmenucontent=…&msgmenuid=…: what the tap sends as the person's own words.
export function tapOf(href) {
  const found = /^weixin:\/\/bizmsgmenu\?([^#]*)/i.exec(href);
  if (!found) return null;
  const values = {};
  for (const pair of found[1].split("&")) {
    const [name, ...rest] = pair.split("=");
    if (!(name in values)) values[name] = decoded(rest.join("="));
  }
  if (!values.msgmenucontent) return null;
  return { content: values.msgmenucontent, id: values.msgmenuid ?? null };
}

// As Java's URLDecoder, which the client uses: UTF-8, and + is a space.
function decoded(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", "%20"));
  } catch {
    return text;
  }
}

// A fragment of text nodes and links; `go` hears { tap } or { href } when one is chosen.
export function rendered(raw, go) {
  const fragment = document.createDocumentFragment();
  for (const piece of pieces(raw)) {
    fragment.append(piece.href || piece.tap ? link(piece, go) : piece.text);
  }
  return fragment;
}

function link(piece, go) {
  const a = document.createElement("a");
  a.href = piece.href;
  a.textContent = piece.text;
  a.addEventListener("click", (event) => {
    event.preventDefault();
    go(piece);
  });
  return a;
}
