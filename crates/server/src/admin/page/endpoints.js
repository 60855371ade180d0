// The table of endpoints.

import { amount, byteRate, bytes, count } from "./format.js";

// The figures at the last look: what is told is what has been done so far, and a rate is the difference.
let before = new Map();
let beforeAt = 0;

export function showEndpoints(table, { status, figures }) {
  const now = performance.now();
  const seconds = (now - beforeAt) / 1000;
  const known = new Map(figures.map((figure) => [figure.endpoint, figure]));
  const body = table.tBodies[0];
  const rows = status.endpoints.map(({ host, path, clients }) => {
    const name = host + path;
    const figure = known.get(name);
    const last = before.get(name);
    const row = [...body.rows].find(({ dataset }) => dataset.endpoint === name) ?? make(name);
    const rate = (key) => (last && figure && beforeAt ? Math.max(0, figure[key] - last[key]) / seconds : 0);
    const passed = (way) => `${amount(rate(`${way}_messages`))}/s · ${byteRate(rate(`${way}_bytes`))}`;
    const texts = [count(clients), count(figure?.slow ?? 0), bytes(figure?.queued ?? 0), passed("received"), passed("sent")];
    texts.forEach((text, index) => {
      if (row.cells[index + 1].textContent !== text) row.cells[index + 1].textContent = text;
    });
    return row;
  });
  if (rows.length !== body.rows.length || rows.some((row, index) => row !== body.rows[index])) body.replaceChildren(...rows);
  before = known;
  beforeAt = now;
}

function make(name) {
  const row = document.createElement("tr");
  row.dataset.endpoint = name;
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  row.append(head);
  for (const label of ["Clients", "Slow", "Queued", "Received", "Sent"]) {
    row.insertCell().dataset.label = label;
  }
  return row;
}
