// A rider's earnings: WeChat's own sheet asks, the server says when the money has arrived.
"use strict";

(() => {
  const form = document.getElementById("take");
  const button = form.querySelector("button");
  const standing = document.getElementById("standing");
  const BRIDGE_WAIT_MS = 4000;
  const NEWS_WAIT_MS = 60000;

  const say = (words) => { standing.textContent = words; };
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

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

  async function state() {
    try {
      return (await (await fetch(form.dataset.state, { cache: "no-store" })).json()).state || "";
    } catch {
      return "";
    }
  }

  async function waitForNews() {
    say(form.dataset.moving);
    const since = performance.now();
    for (let pause = 400; performance.now() - since < NEWS_WAIT_MS; pause = Math.min(pause * 1.5, 4000)) {
      if (["paid", "failed"].includes(await state())) { location.reload(); return; }
      await sleep(pause);
    }
    say(form.dataset.slow);
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say(form.dataset.busy);
    try {
      const wechat = await bridge();
      const asked = { mchId: form.dataset.mch, appId: form.dataset.app, package: form.dataset.package };
      const outcome = await new Promise((resolve) => {
        wechat.invoke("requestMerchantTransfer", asked, (result) => resolve(result.err_msg || ""));
      });
      if (outcome.endsWith(":ok")) { await waitForNews(); return; }
      say(form.dataset.cancelled);
    } catch {
      say(form.dataset.outside);
    }
    button.disabled = false;
  });
  button.disabled = false; // before this a tap would have sent the form, and nothing
})();
