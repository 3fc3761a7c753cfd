// Pause, resume and the rest: behind the token of the run and a typed reason. The token stays in this page's memory.

import { el } from "./words.js";

const $ = (id) => document.getElementById(id);
const ACTS = [
  { act: "pause", name: "Pause", text: "No new order until resume; what rests is taken back. Positions stay as they are, and the book is not hedged." },
  { act: "resume", name: "Resume", text: "Lifts every stop, whoever made it; after a halt trading waits for the venue to agree." },
  { act: "reduce-only", name: "Reduce only", text: "Hedges only where the worst-case distance of the net delta from its target falls, until resume." },
  { act: "cancel-all", name: "Cancel all", text: "Takes back every order of ours at once, then pauses until resume.", word: "cancel" },
  { act: "flatten-hedges", name: "Flatten hedges", text: "Closes what is held of the hedge instruments, never an option; then pauses until resume. The book is unhedged.", word: "flatten" },
];

let token = null;

export function prepare({ books, current }) {
  $("unlock").addEventListener("click", unlock);
  for (const each of document.querySelectorAll("button.cancel")) each.addEventListener("click", () => each.closest("dialog").close("cancel"));
  if (location.hash.startsWith("#token=")) {
    token = decodeURIComponent(location.hash.slice(7));
    history.replaceState(null, "", location.pathname); // out of the address bar, and of its history
    buttons();
  }

  function unlock() {
    $("key").returnValue = $("key-token").value = "";
    $("key").showModal();
  }

  $("key").addEventListener("close", () => {
    if ($("key").returnValue !== "ok" || !$("key-token").value.trim()) return;
    token = $("key-token").value.trim();
    $("key-token").value = "";
    buttons();
  });

  function buttons() {
    $("acts").replaceChildren(...ACTS.map((each) => el("button", { type: "button", class: each.word ? "danger" : null, "data-act": each.act, onclick: () => confirm(each) }, each.name)));
  }

  function confirm({ act, name, text, word }) {
    const several = books().length > 1;
    $("act-title").textContent = several ? `${name}: ${current()}` : name;
    $("act-text").textContent = text;
    $("act-reason").value = $("act-word").value = $("act-answer").textContent = "";
    $("act-word-label").hidden = !word;
    $("act-word-told").textContent = word ?? "";
    $("act-go").textContent = name;
    $("act-go").classList.toggle("danger", Boolean(word));
    $("act-go").disabled = false;
    $("act").querySelector("form").onsubmit = (event) => {
      if (event.submitter?.value !== "ok") return;
      event.preventDefault();
      if (word && $("act-word").value.trim() !== word) {
        $("act-answer").textContent = `Type ${word} to go on.`;
        return;
      }
      send(act, several ? current() : null);
    };
    $("act").showModal();
    $("act-reason").focus();
  }

  async function send(act, book) {
    $("act-go").disabled = true;
    try {
      const response = await fetch(`/control/${act}`, {
        method: "POST",
        headers: { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ reason: $("act-reason").value.trim(), by: $("key-name").value.trim() || "operator", ...(book ? { book } : {}) }),
        signal: AbortSignal.timeout(10000),
      });
      const answer = await response.json();
      if (answer.ok) {
        $("act").close("done");
        return;
      }
      $("act-answer").textContent = answer.reason;
      if (response.status === 401) lock();
    } catch (error) {
      $("act-answer").textContent = `No answer (${error.name}): whether it was done, the state above tells.`;
    } finally {
      $("act-go").disabled = false;
    }
  }

  function lock() {
    token = null;
    $("acts").replaceChildren(el("button", { id: "unlock", type: "button", onclick: unlock }, "Unlock controls"));
  }
}
