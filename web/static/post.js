// Buttons that ask the server for something: it answers with words, or with where to go.
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
      say(toast.dataset.offline);
    } finally {
      button.disabled = false;
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-post]");
    if (button) post(button);
  });
})();
