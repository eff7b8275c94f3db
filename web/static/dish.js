// The sheet of one dish: options, how many, a note; its button posts what was chosen.
"use strict";

(() => {
  const sheet = document.getElementById("sheet");
  const options = JSON.parse(document.getElementById("options").textContent);
  const put = document.getElementById("put");
  const note = document.getElementById("note");
  const count = sheet.querySelector("output");
  const most = Number(sheet.dataset.most);
  let dish = null;
  let quantity = 1;

  const yuan = (fen) => `¥${(fen / 100).toFixed(2)}`;
  const chips = () => [...sheet.querySelectorAll("[data-option]")];
  const chosen = () => chips().filter((chip) => chip.getAttribute("aria-pressed") === "true");

  function tell() {
    const each = chosen().reduce((sum, chip) => sum + Number(chip.dataset.fen), Number(dish.dataset.fen));
    count.textContent = quantity;
    put.textContent = put.dataset.words.replace("%", yuan(each * quantity));
    put.dataset.wish = JSON.stringify({
      dish: dish.dataset.dish, quantity, note: note.value,
      options: chosen().map((chip) => chip.dataset.option),
    });
  }

  function chip([key, fen]) {
    const [name, group] = options[key];
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chip";
    Object.assign(button.dataset, { option: key, group, fen });
    button.setAttribute("aria-pressed", "false");
    button.textContent = fen ? `${name} ${fen > 0 ? "+" : ""}${yuan(fen).replace("¥-", "-¥")}` : name;
    return button;
  }

  function choices(told) {
    const groups = new Map();
    for (const option of told) {
      const group = options[option[0]][1];
      groups.set(group, [...(groups.get(group) ?? []), chip(option)]);
    }
    const rows = [...groups.values()].filter((row) => row.length > 1);
    const singles = [...groups.values()].filter((row) => row.length === 1).flat();
    return [...rows, singles].filter((row) => row.length).map((row) => {
      const box = document.createElement("div");
      box.className = "chips";
      box.append(...row);
      return box;
    });
  }

  function open(button) {
    dish = button;
    quantity = 1;
    note.value = "";
    document.getElementById("sheet-name").textContent = dish.dataset.name;
    document.getElementById("choices").replaceChildren(...choices(JSON.parse(dish.dataset.options)));
    tell();
    if (sheet.showModal) sheet.showModal(); else sheet.setAttribute("open", "");
  }

  function close() {
    if (sheet.close) sheet.close(); else sheet.removeAttribute("open");
  }

  function press(pressed) {
    const was = pressed.getAttribute("aria-pressed") === "true";
    for (const other of chips()) {
      if (other.dataset.group === pressed.dataset.group) other.setAttribute("aria-pressed", "false");
    }
    pressed.setAttribute("aria-pressed", String(!was));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.matches("[data-dish]")) { open(button); return; }
    if (event.target === sheet || button?.matches("[data-close]")) { close(); return; }
    if (button?.matches("[data-option]")) press(button);
    if (button?.matches("[data-step]")) {
      quantity = Math.min(most, Math.max(1, quantity + Number(button.dataset.step)));
    }
    if (dish) tell();
  }, { capture: true });
  note.addEventListener("input", tell);
  document.addEventListener("posted", close);
})();
