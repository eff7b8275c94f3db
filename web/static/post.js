// Buttons that ask the server for something: it answers with words, or with where to go.
"use strict";

(() => {
  const toast = document.getElementById("toast");

  function say(words) {
    toast.textContent = words;
    toast.hidden = !words;
  }

  async function post(button) {
    if (button.dataset.sure && !window.confirm(button.dataset.sure)) return;
    button.disabled = true;
    try {
      const answer = await fetch(button.dataset.post, {
        method: "POST", credentials: "same-origin",
        headers: { "Content-Type": "application/json" },
        body: button.dataset.wish ?? "{}",
      });
      const told = await answer.json();
      if (answer.status === 401) { location.reload(); return; }
      if (told.url) { location.href = told.url; return; }
      say(answer.ok ? told.says : told.error);
      document.dispatchEvent(new Event("look"));
    } catch {
      say(toast.dataset.offline);
    } finally {
      button.disabled = false;
      document.dispatchEvent(new Event("posted"));
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-post]");
    if (button) post(button);
  });
})();
