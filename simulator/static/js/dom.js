// Small helpers for making elements; text always goes in as text.

// el("button.send", { type: "button", onclick }, "发送", node, …)
export function el(what, traits = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.classList.add(...classes);
  for (const [name, value] of Object.entries(traits)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, traits = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(traits)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const ICONS = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  plus: "M12 3a9 9 0 100 18 9 9 0 000-18zM12 8v8M8 12h8",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
  place: "M12 21s7-6.2 7-11a7 7 0 10-14 0c0 4.800 7 11 7 11zM12 12a2 2 0 100-4 2 2 0 000 4z",
  scan: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M4 12h16",
  person: "M12 11a4 4 0 100-8 4 4 0 000 8zM4 21c0-4 3-7 8-7s8 3 8 7",
};

export function icon(name) {
  const path = svg("path", { d: ICONS[name] });
  if (name === "more") path.setAttribute("stroke-width", "3");
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, path);
}

const TINTS = ["#3975c6", "#c2571a", "#7a5bb0", "#0e8074", "#b04a6f", "#5d6b2f", "#8a6d1f"];

// A square with the name's first character, in a colour of its own.
export function avatar(name, tint) {
  const sum = [...name].reduce((total, letter) => total + letter.codePointAt(0), 0);
  const node = el("span.avatar", { "aria-hidden": "true" }, [...name][0] ?? "");
  node.style.setProperty("--tint", tint ?? TINTS[sum % TINTS.length]);
  return node;
}
