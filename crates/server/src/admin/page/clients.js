// The table of the slowest clients. Who is about to press a button there finds it where it was: rows stay in their places
// as long as the pointer or the focus is among them, and so does what was told to be closed.

import { amount, bytes, count, period, trip } from "./format.js";

// Owed so much, a client is one that the server calls slow.
const SLOW = 64 * 1024;

const LABELS = ["Address", "Age", "Received", "Sent", "Queued", "Round trip"];

export class Clients {
  told = { queued: [], round_trip: [] };

  constructor(table, { order, note, onClose }) {
    Object.assign(this, { table, order, note, onClose, body: table.tBodies[0] });
    order.addEventListener("change", () => this.show(true));
    table.addEventListener("pointerleave", () => this.show());
  }

  update(told) {
    this.told = told;
    this.show();
  }

  show(isAsked = false) {
    const by = this.order.querySelector(":checked").value;
    const clients = this.told[by];
    const rows = new Map([...this.body.rows].map((row) => [row.dataset.key, row]));
    const wanted = clients.map((client) => {
      const key = `${client.endpoint} ${client.client}`;
      const row = rows.get(key) ?? this.make(key);
      this.fill(row, client);
      return row;
    });
    const isHeld = !isAsked && (this.body.matches(":hover") || this.body.contains(document.activeElement));
    const held = isHeld ? [...this.body.rows].filter((row) => wanted.includes(row)) : [];
    const order = [...held, ...wanted.filter((row) => !held.includes(row))];
    this.place(order);
    this.say(by, clients.length);
  }

  // Moves as few rows as it takes: one that is moved loses the focus.
  place(order) {
    const hadFocus = this.body.contains(document.activeElement);
    for (const row of [...this.body.rows]) if (!order.includes(row)) row.remove();
    order.forEach((row, index) => {
      if (this.body.rows[index] !== row) this.body.insertBefore(row, this.body.rows[index] ?? null);
    });
    // Whoever had it in a row that is gone is among the rows still.
    if (hadFocus && !this.body.contains(document.activeElement)) {
      (this.body.querySelector("button") ?? this.order.querySelector(":checked")).focus();
    }
  }

  say(by, listed) {
    const among = `Among ${count(this.told.looked_at ?? 0)} client${this.told.looked_at === 1 ? "" : "s"}`;
    const what = by === "queued" ? "is owed anything that its kernel has not taken" : "has answered a ping yet";
    const text = listed ? `${among}, looked at every 2 s in ${trip(this.told.took ?? 0)}.` : `${among} nobody ${what}.`;
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  make(key) {
    const row = document.createElement("tr");
    row.dataset.key = key;
    const head = document.createElement("th");
    head.scope = "row";
    row.append(head);
    for (const label of LABELS) row.insertCell().dataset.label = label;
    const act = row.insertCell();
    act.className = "act";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain danger";
    button.textContent = "Close…";
    button.addEventListener("click", () => this.onClose(row.client));
    act.append(button);
    return row;
  }

  fill(row, client) {
    row.client = client;
    const passed = (way) => [`${amount(client[`${way}_messages`])}`, ` · ${bytes(client[`${way}_bytes`])}`];
    this.write(row.cells[0], [client.client, client.endpoint], "of");
    this.write(row.cells[1], [client.address]);
    row.cells[1].title = `Connected from ${client.peer}`;
    this.write(row.cells[2], [period(client.age)]);
    this.write(row.cells[3], passed("received"), "more");
    this.write(row.cells[4], passed("sent"), "more");
    this.write(row.cells[5], [bytes(client.queued)]);
    row.cells[5].classList.toggle("high", client.queued >= SLOW);
    this.write(row.cells[6], [client.pings_outstanding > 1 ? `${trip(client.round_trip)}, ${client.pings_outstanding} unanswered` : trip(client.round_trip)]);
    row.querySelector("button").setAttribute("aria-label", `Close client ${client.client} of ${client.endpoint}…`);
  }

  // Only what has changed: a text that is selected stays so.
  write(cell, [text, more], kind) {
    if (cell.dataset.text === `${text}${more}`) return;
    cell.dataset.text = `${text}${more}`;
    const parts = [text];
    if (more !== undefined) {
      const part = document.createElement("span");
      part.className = kind;
      part.textContent = more;
      parts.push(part);
    }
    cell.replaceChildren(...parts);
  }
}
