// A part of a page that follows what happens: asked for again every few seconds while it is seen.
"use strict";

(() => {
  const live = document.getElementById("live");
  const EVERY_MS = 3000;
  const PATIENT_MS = 8000;
  const OVER = ["dissolved", "ended"];
  let left = Number(live.dataset.left || 0);
  let since = performance.now();
  let last = "";
  let timer = 0;

  const say = (words) => {
    const toast = document.getElementById("toast");
    toast.textContent = words;
    toast.hidden = !words;
  };

  function show(told) {
    left = told.left_s ?? 0;
    since = performance.now();
    if (told.state !== live.dataset.state) { location.reload(); return; }
    if (told.html !== last) { live.innerHTML = told.html; last = told.html; }
    tick();
  }

  async function look() {
    clearTimeout(timer);
    let pause = EVERY_MS;
    try {
      const answer = await fetch(live.dataset.live, { cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401) { location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.json());
      if (live.dataset.lost) { delete live.dataset.lost; say(""); }
    } catch {
      live.dataset.lost = "1";
      say(live.dataset.offline);
      pause = PATIENT_MS;
    }
    if (!document.hidden && !OVER.includes(live.dataset.state)) timer = setTimeout(look, pause);
  }

  function tick() {
    const clock = live.querySelector("[data-countdown]");
    if (!clock) return;
    const seconds = Math.max(0, left - Math.floor((performance.now() - since) / 1000));
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  document.addEventListener("look", look);
  window.addEventListener("online", look);
  setInterval(tick, 1000);
  tick();
  timer = setTimeout(look, EVERY_MS);
})();
