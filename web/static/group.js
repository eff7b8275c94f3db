// The group's page: add a dish, pay one's own part, and hand WeChat the card to share.
"use strict";

(() => {
  const toast = document.getElementById("toast");
  const note = document.getElementById("note");

  function say(words) {
    toast.textContent = words;
    toast.hidden = !words;
  }

  async function post(button) {
    button.disabled = true;
    try {
      const answer = await fetch(button.dataset.post, {
        method: "POST", credentials: "same-origin",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ dish: button.dataset.dish, note: note?.value }),
      });
      const told = await answer.json();
      if (answer.status === 401) { location.reload(); return; }
      if (told.url) { location.href = told.url; return; }
      say(answer.ok ? told.says : told.error);
      if (answer.ok && note) note.value = "";
      document.dispatchEvent(new Event("look"));
    } catch {
      say(document.getElementById("live").dataset.offline);
    } finally {
      button.disabled = false;
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-post]");
    if (button) post(button);
  });

  const told = document.getElementById("wechat");
  if (told && window.wx) {
    const { config, share } = JSON.parse(told.textContent);
    window.wx.config({ ...config, jsApiList: ["updateAppMessageShareData", "updateTimelineShareData"] });
    window.wx.ready(() => {
      window.wx.updateAppMessageShareData(share);
      window.wx.updateTimelineShareData({ title: share.title, link: share.link, imgUrl: share.imgUrl });
    });
  }
})();
