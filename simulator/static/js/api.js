// The simulator's control API, and the one long poll all phones share.

export class Failed extends Error {}

export async function get(path) {
  return answer(await fetch(`/sim/${path}`, { cache: "no-store" }));
}

export async function post(path, body = {}) {
  const init = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  return answer(await fetch(`/sim/${path}`, init));
}

export async function remove(path) {
  return answer(await fetch(`/sim/${path}`, { method: "DELETE" }));
}

async function answer(response) {
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw new Failed(said.error || said.message || `出错了（${response.status}）`);
  return said;
}

const WAIT_S = 25;
const LONGEST_PAUSE_MS = 5000;

// Calls `hear(events, { fresh })` for ever; `fresh` when the history starts anew (first load, or a
// simulator that has forgotten us). `tell(online)` says whether the simulator answers.
export async function listen(hear, tell) {
  let after = null;
  let pause = 500;
  let lost = false;
  for (;;) {
    try {
      const fresh = after === null;
      const said = await get(`events?after=${after ?? 0}&wait=${fresh || lost ? 0 : WAIT_S}`);
      if (!fresh && (said.last < after || (lost && (await get("state")).events < after))) {
        after = null;
        continue;
      }
      tell(true);
      pause = 500;
      lost = false;
      await hear(said.events, { fresh });
      after = said.last;
    } catch (error) {
      if (!(error instanceof Failed) && !(error instanceof TypeError)) console.error(error);
      tell(false);
      lost = true;
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }
}
