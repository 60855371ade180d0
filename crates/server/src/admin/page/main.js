// The page: who may see it, what is told, and where it is shown.

import { bars } from "./bars.js";
import { Clients } from "./clients.js";
import { prepare, questionClose } from "./dialogs.js";
import { showEndpoints } from "./endpoints.js";
import { follow } from "./feed.js";
import { amount, byteRate, bytes, count, period, plural, rate } from "./format.js";
import { lines } from "./lines.js";
import { Plot } from "./plot.js";
import { Series, most, perSecond } from "./series.js";
import { forget, keep, known, takeFromAddress } from "./token.js";

const find = (id) => document.getElementById(id);

const series = new Series();
let feed;
let countdown;
let wasConnected = false;

const both = (what) => [
  { name: { text: "received", class: "received" }, value: perSecond(`received_${what}`) },
  { name: { text: "sent", class: "sent" }, value: perSecond(`sent_${what}`) },
];

const plots = [
  new Plot(find("plot-messages"), { title: "Messages", layer: lines({ series: both("messages"), format: rate, least: 4 }) }),
  new Plot(find("plot-bytes"), { title: "Bytes", layer: lines({ series: both("bytes"), format: byteRate, base: 1024, least: 1024 }) }),
  new Plot(find("plot-clients"), {
    title: "Clients",
    layer: lines({ series: [{ name: { text: "clients", class: "people" }, value: most("clients") }], format: count, least: 4, filled: true }),
  }),
  new Plot(find("plot-closes"), { title: "Closed clients, by code", layer: bars() }),
];

const clients = new Clients(find("slowest"), { order: find("order"), note: find("slowest-note"), onClose: questionClose });

function onMessage(message) {
  if (message.type === "history") {
    series.reset(message);
    showPlots();
  } else if (message.type === "now") {
    if (message.sample) {
      series.add(message.sample);
      showPlots();
    }
    showNow(message);
    showEndpoints(find("endpoints"), message);
  } else if (message.type === "slowest") {
    clients.update(message);
  }
}

function showPlots() {
  const window = series.window();
  const buckets = (step) => series.buckets(window, window[step]);
  const rows = buckets("row");
  for (const plot of plots) plot.update(window, buckets(plot.layer.step), rows);
}

// Writes only what has changed, and a figure apart from its unit.
function write(id, text, unit = "") {
  const element = find(id);
  if (element.textContent === text + unit) return;
  element.textContent = text;
  if (unit) element.append(Object.assign(document.createElement("small"), { textContent: unit }));
}

function showNow({ status, figures, cluster }) {
  const sample = series.last;
  const sum = (key) => figures.reduce((all, figure) => all + figure[key], 0);
  const here = status.endpoints.reduce((all, endpoint) => all + endpoint.clients, 0);
  const second = (field) => (sample ? (sample[field] * 1000) / Math.max(1, sample.span) : 0);
  const hits = Object.values(status.limits_hit).reduce((all, hit) => all + hit, 0);
  const isReady = status.state === "ready";
  write("state", isReady ? "Ready" : "Draining");
  find("state").dataset.state = status.state;
  write("uptime", `for ${period(status.uptime)}`);
  write("clients", count(here));
  write("slow", sum("slow") ? `${count(sum("slow"))} slow` : "none slow");
  write("received", amount(second("received_messages")), " msg/s");
  write("received-bytes", byteRate(second("received_bytes")));
  write("sent", amount(second("sent_messages")), " msg/s");
  write("sent-bytes", byteRate(second("sent_bytes")));
  write("queued", ...bytes(sum("queued")).split(/(?= )/));
  write("limits", hits ? `limits hit ${plural(hits, "time")}` : "no limit hit");
  find("limits").title = Object.entries(status.limits_hit).map(([limit, hit]) => `${limit}: ${hit}`).join(", ");
  write("listeners", `Listening on ${status.listeners.join(", ")}`);
  showCluster(cluster);
  write("version", `aerys ${status.version}, process ${status.process}`);
  write("place", location.host);
  for (const id of ["reload", "drain"]) find(id).disabled = !isReady;
}

// Nothing, for a server that is no node.
function showCluster(cluster) {
  find("cluster").hidden = !cluster;
  if (!cluster) return;
  const bus = cluster.connected ? "bus connected" : "bus away";
  const lost = `${plural(cluster.not_forwarded, "message")} not forwarded, ${count(cluster.lost)} lost`;
  write("cluster", `Cluster of ${plural(cluster.nodes, "node")}, ${bus}; ${lost}`);
}

const WORDS = { connecting: "Connecting…", connected: "Connected", lost: "Not connected" };

function onState(state, retryAt) {
  clearInterval(countdown);
  if (state === "refused") {
    forget();
    return login(wasConnected ? "The server takes another token now." : "That is not the token of this server.");
  }
  const pill = find("connection");
  pill.dataset.state = state;
  if (pill.textContent !== WORDS[state]) pill.textContent = WORDS[state];
  const isConnected = state === "connected";
  wasConnected ||= isConnected;
  find("login").hidden = true;
  if (isConnected) find("overview").hidden = false;
  find("actions").hidden = !isConnected;
  find("overview").toggleAttribute("data-stale", !isConnected);
  find("lost").hidden = state !== "lost";
  if (state === "lost") {
    const tell = () => {
      const left = Math.ceil((retryAt - Date.now()) / 1000);
      find("lost-why").textContent = left > 0 ? `Trying again in ${left} s.` : "Trying again.";
    };
    tell();
    if (retryAt) countdown = setInterval(tell, 500);
  }
}

function start() {
  feed?.close();
  const token = known();
  if (!token) return login("");
  feed = follow(token, { onState, onMessage });
}

// Asks for the token; says why if there was one.
function login(problem) {
  feed?.close();
  if (find("question").open) find("question").close();
  for (const id of ["overview", "actions", "lost"]) find(id).hidden = true;
  find("connection").dataset.state = "asking";
  find("connection").textContent = "";
  find("login").hidden = false;
  find("token").value = "";
  find("token").setAttribute("aria-invalid", problem !== "");
  find("token-problem").textContent = problem;
  find("token").focus();
}

find("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!find("token").value.trim()) return login("Write the token.");
  keep(find("token").value);
  wasConnected = false;
  start();
});
find("retry").addEventListener("click", () => feed.retryNow());
find("forget").addEventListener("click", () => {
  forget();
  login("");
});
// Whoever follows the printed address in a tab that has this page open already.
addEventListener("hashchange", () => { if (takeFromAddress()) start(); });

prepare();
takeFromAddress();
start();
