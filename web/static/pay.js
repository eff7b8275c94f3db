// The pay page: ask for an order at WeChat Pay, raise its sheet, wait for the news of the money.
"use strict";

(() => {
  const form = document.getElementById("pay");
  const button = form.querySelector("button");
  const standing = document.getElementById("standing");
  const left = document.getElementById("left");
  const opened = performance.now();
  const BRIDGE_WAIT_MS = 4000;
  const NEWS_WAIT_MS = 60000;
  let isPaying = false;

  const say = (words) => { standing.textContent = words; };
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const leftS = () => Number(form.dataset.left) - Math.floor((performance.now() - opened) / 1000);

  function free(words) {
    isPaying = false;
    button.disabled = leftS() <= 0;
    button.removeAttribute("aria-busy");
    say(words);
  }

  // Only WeChat's own browser has the bridge, and not from the first moment.
  function bridge() {
    return new Promise((resolve, reject) => {
      if (window.WeixinJSBridge) { resolve(window.WeixinJSBridge); return; }
      const timer = setTimeout(() => reject(new Error("outside")), BRIDGE_WAIT_MS);
      document.addEventListener("WeixinJSBridgeReady", () => {
        clearTimeout(timer);
        resolve(window.WeixinJSBridge);
      }, { once: true });
    });
  }

  async function prepay() {
    const answer = await fetch(form.dataset.prepay, { method: "POST", credentials: "same-origin" });
    const told = await answer.json();
    if (answer.status === 401) location.reload();
    if (answer.ok) return told;
    const refusal = new Error(told.error);
    refusal.state = told.state;
    throw refusal;
  }

  function sheet(wechat, order) {
    return new Promise((resolve) => {
      wechat.invoke("getBrandWCPayRequest", order, (result) => resolve(result.err_msg || ""));
    });
  }

  async function state() {
    try {
      const answer = await fetch(form.dataset.state, { cache: "no-store" });
      return (await answer.json()).state || "open";
    } catch {
      return "open";
    }
  }

  // The sheet's "ok" is no proof: the page says "paid" when the server does.
  async function waitForNews() {
    say(form.dataset.paying);
    const since = performance.now();
    for (let pause = 400; performance.now() - since < NEWS_WAIT_MS; pause = Math.min(pause * 1.5, 4000)) {
      if (await state() !== "open") { location.reload(); return; }
      await sleep(pause);
    }
    say(form.dataset.waiting);
  }

  async function pay(event) {
    event.preventDefault();
    if (isPaying) return;
    isPaying = true;
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    say(form.dataset.busy);
    try {
      const wechat = await bridge();
      const outcome = await sheet(wechat, await prepay());
      if (outcome.endsWith(":ok")) await waitForNews();
      else free(outcome.endsWith(":cancel") ? form.dataset.unpaid : form.dataset.failed);
    } catch (error) {
      await explain(error);
    }
  }

  async function explain(error) {
    if (error.message === "outside") free(form.dataset.outside);
    else if (error.state === "paying") await waitForNews();
    else if (error.state && error.state !== "open") location.reload();
    else free(error instanceof TypeError || error instanceof SyntaxError ? form.dataset.offline : error.message);
  }

  function tick() {
    const seconds = Math.max(0, leftS());
    left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (seconds > 0) { setTimeout(tick, 1000); return; }
    button.disabled = true;
    if (!isPaying) say(form.dataset.expired);
  }

  form.addEventListener("submit", pay);
  button.disabled = false; // before this a tap would have sent the form, and nothing
  window.addEventListener("offline", () => { if (!isPaying) say(form.dataset.offline); });
  document.addEventListener("visibilitychange", async () => {
    if (!document.hidden && !isPaying && await state() !== "open") location.reload();
  });
  tick();
})();
