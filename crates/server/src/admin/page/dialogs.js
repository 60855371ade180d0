// What is asked before anything is done, and what is said when it was.

import { MEANINGS } from "./bars.js";
import { ask } from "./token.js";

const CODES = ["1001", "1008", "1000", "1011", "1012", "1013"];

// How long a notice is there to be read.
const NOTICE = 8_000;

const find = (id) => document.getElementById(id);

const QUESTIONS = {
  reload: {
    title: "Reload the configuration?",
    text: "What the server is started with is read anew. Endpoints that stay keep their clients; if anything is wrong, everything stays as it is.",
    yes: "Reload",
    told: (text) => {
      const { kept, started, ended } = JSON.parse(text);
      return `Reloaded; endpoints: ${kept} kept, ${started} started, ${ended} ended.`;
    },
  },
  drain: {
    title: "Drain the server?",
    text: "It says that it is not ready any more, sees its clients off as it was told to, and stops. This cannot be taken back.",
    yes: "Drain and stop",
    isDangerous: true,
  },
  stop: {
    title: "Stop the server now?",
    text: "All clients are closed at once, and the server stops. This cannot be taken back.",
    yes: "Stop now",
    isDangerous: true,
  },
};

// Whoever has answered yes has what comes of it told: in the dialog if it failed, else in a notice.
let answer = async () => undefined;

export function prepare() {
  for (const what of ["reload", "drain", "stop"]) {
    find(what).addEventListener("click", () => question(QUESTIONS[what], () => ask("POST", what)));
  }
  for (const code of [...CODES, "other"]) {
    const text = code === "other" ? "3000 – 4999, an application's own" : `${code} ${MEANINGS[code]}`;
    find("code").append(new Option(text, code));
  }
  find("code").addEventListener("change", showOther);
  find("question-cancel").addEventListener("click", () => find("question").close());
  find("question-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    find("question-yes").disabled = true;
    try {
      await answer();
    } finally {
      find("question-yes").disabled = false;
    }
  });
}

function showOther() {
  const isOther = find("code").value === "other";
  for (const id of ["other-code", "other-code-label"]) find(id).hidden = !isOther;
}

// Asks, and does it on a yes.
function question({ title, text, yes, isDangerous = false, told = (said) => said, fields = false }, act) {
  const dialog = find("question");
  find("question-title").textContent = title;
  find("question-text").textContent = text;
  find("question-yes").textContent = yes;
  find("question-yes").classList.toggle("danger", isDangerous);
  find("question-problem").textContent = "";
  find("close-fields").hidden = !fields;
  answer = async () => {
    let outcome;
    try {
      outcome = await act();
    } catch {
      outcome = { status: 0, text: "Nobody answers: the server may be gone." };
    }
    if (outcome.status === 200 || outcome.status === 202) {
      dialog.close();
      notice(told(outcome.text));
    } else {
      find("question-problem").textContent = outcome.text;
    }
  };
  dialog.showModal();
  // What does harm takes more than one key.
  (fields ? find("code") : find("question-cancel")).focus();
}

// Asks whether, and how, a client is to be closed.
export function questionClose(client) {
  find("code").value = CODES[0];
  find("reason").value = "";
  showOther();
  const code = () => (find("code").value === "other" ? find("other-code").value : find("code").value);
  question({
    title: `Close client ${client.client}?`,
    text: `It is at ${client.address}, a client of ${client.endpoint}.`,
    yes: "Close client",
    isDangerous: true,
    fields: true,
    told: (text) => (JSON.parse(text).closed
      ? `Client ${client.client} is closed with ${code()}.`
      : `Client ${client.client} had gone already.`),
  }, () => {
    const query = new URLSearchParams({ endpoint: client.endpoint, client: client.client, code: code(), reason: find("reason").value });
    return ask("POST", `close?${query}`);
  });
}

function notice(text) {
  const line = document.createElement("p");
  line.textContent = text;
  find("notices").append(line);
  setTimeout(() => line.remove(), NOTICE);
}
