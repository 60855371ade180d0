// The chat page: one log, one composer, and the wiring between them and the connection.

import { keepConnected } from "./connection.js";
import { LOBBY, pathOf, roomOfPage, showRoom, showRooms } from "./rooms.js";

const MAX_ENTRIES = 500;
const MAX_GREETED = 5;
const GROUP_WITHIN = 5 * 60_000;
const NEAR_END = 48;
const NAME_KEY = "aerys-name";

// ---------------------------------------------------------------------- view

const byId = (id) => document.getElementById(id);
const [log, entries, newer, text, nameInput] = ["log", "entries", "newer", "text", "name"].map(byId);
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const fullDate = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

let ticker;
let previous = {};
let pending = [];
let logHeight = 0;
let unread = 0;
let unseen = 0;
let refocus = true;

function showState(state, retryAt) {
  const draw = () => setText(byId("status-shown"), stateText(state, retryAt));
  clearInterval(ticker);
  if (retryAt) ticker = setInterval(draw, 200);
  draw();
  setText(byId("status-spoken"), state === "lost" ? "Connection lost, reconnecting" : stateText(state));
  byId("status").dataset.state = state;
  byId("lost").hidden = state !== "lost";
}

function stateText(state, retryAt) {
  if (state === "connected") return "Connected";
  if (state === "connecting") return "Connecting…";
  return retryAt ? `Reconnecting in ${Math.max(1, Math.ceil((retryAt - Date.now()) / 1000))} s` : "Reconnecting…";
}

// Live regions speak on every write, so equal text is not written again.
function setText(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

function showCount(count) {
  byId("people").hidden = count === undefined;
  setText(byId("count"), String(count ?? ""));
}

function askName(suggestion, problem = "") {
  showPanel(true);
  nameInput.value = suggestion;
  showNameProblem(problem);
  nameInput.select();
  refocus = true;
}

function showNameProblem(problem) {
  setText(byId("name-problem"), problem);
  nameInput.setAttribute("aria-invalid", String(problem !== ""));
  nameInput.focus();
}

function showChat() {
  if (!byId("chat").hidden) return;
  showPanel(false);
  scrollToEnd();
}

function showPanel(shown) {
  byId("panel").hidden = !shown;
  for (const id of ["chat", "rooms", "room", "room-toggle"]) byId(id).hidden = shown;
}

// Disabling takes the focus away; it is given back once typing makes sense again.
function allowTyping(allowed, ...hint) {
  refocus ||= document.activeElement === text;
  text.disabled = byId("send").disabled = !allowed;
  byId("hint").replaceChildren(...hint);
  if (!allowed || !refocus) return;
  text.focus();
  refocus = false;
}

function setDraft(draft) {
  text.value = draft;
  fitDraft();
}

function fitDraft() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

// Everything from the network becomes an element here: as text, never as markup.
function make(tag, className, content, attributes = {}) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = content;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

const nameTag = (name) => make("strong", "name", name, { dir: "auto" });

function addLine(kind, ...children) {
  const item = make("li", "line", "", { "data-kind": kind });
  item.append(...children);
  addEntry(item, {});
}

function addNote(...words) {
  const note = make("span", "text", "");
  note.append(...words);
  addLine("note", note);
}

function addMessage({ id, name: sender, text: words, at = Date.now() }, own) {
  const date = new Date(at);
  const item = make("li", "message", "", { "data-kind": "said" });
  item.toggleAttribute("data-own", own);
  item.toggleAttribute("data-grouped", previous.id === id && at - previous.at < GROUP_WITHIN);
  item.style.setProperty("--hue", hueOf(sender));
  item.append(
    make("span", "avatar", [...sender][0]?.toUpperCase() ?? "", { "aria-hidden": "true" }),
    nameTag(sender),
    make("time", "time", clock.format(date), { datetime: date.toISOString(), title: fullDate.format(date) }),
    make("p", "text", words, { dir: "auto" }),
  );
  addEntry(item, { id, at });
  if (document.hidden) showUnread(unread + 1);
}

// A hash (FNV-1a, then stirred): the same name has the same colour in every tab.
function hueOf(name) {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % 24 * 15;
}

// One layout per frame however fast messages come; a hidden page gets no frames.
function addEntry(item, about) {
  previous = about;
  pending.push(item);
  if (document.hidden) flush();
  else if (pending.length === 1) requestAnimationFrame(flush);
}

function flush() {
  if (pending.length === 0) return;
  const follow = nearEnd(log.clientHeight) || pending.some((item) => item.hasAttribute("data-own"));
  const arrived = pending.filter((item) => item.dataset.kind === "said").length;
  entries.append(...pending.splice(0));
  while (entries.childElementCount > MAX_ENTRIES) entries.firstElementChild.remove();
  entries.firstElementChild.removeAttribute("data-grouped");
  if (follow) scrollToEnd();
  else showUnseen(unseen + arrived);
}

function clearLog() {
  pending = [];
  previous = {};
  entries.replaceChildren();
  showUnseen(0);
}

function nearEnd(height) {
  return log.scrollHeight - log.scrollTop - height < NEAR_END;
}

function scrollToEnd() {
  log.scrollTop = log.scrollHeight;
  showUnseen(0);
}

// When a phone's keyboard or a growing composer makes the log smaller, its end stays in sight.
function keepEndInSight() {
  if (nearEnd(logHeight)) scrollToEnd();
  logHeight = log.clientHeight;
}

function showUnseen(count) {
  unseen = count;
  newer.hidden = count === 0;
  newer.textContent = count === 1 ? "1 new message" : `${count} new messages`;
}

function showUnread(count) {
  unread = count;
  document.title = `${count === 0 ? "" : `(${count}) `}${room} – Aerys`;
}

function showPlace() {
  showRoom(room);
  showUnread(0);
  byId("lead").replaceChildren("The room ", nameTag(room), " is open to everyone on this server. Open a second tab to talk to yourself.");
}

// -------------------------------------------------------------------- wiring

let room = roomOfPage();
let name = storedName();
let joinedAs = "";
let myId = null;
let joining = false;
let state = "connecting";
const unconfirmed = [];

const scheme = location.protocol === "https:" ? "wss" : "ws";
const urlOf = (place) => `${scheme}://${location.host}${pathOf(place)}`;
const connection = keepConnected(urlOf(room), { onState, onMessage });

showPlace();
if (name) showChat();
else askName("");

function onState(next, retryAt) {
  state = next;
  showState(state, retryAt);
  if (state === "connected") join();
  else becomeAbsent();
}

function join() {
  if (!name || joining || myId !== null || state !== "connected") return;
  joining = true;
  connection.send({ type: "join", name });
}

function becomeAbsent() {
  // The server may or may not have got these; whether to send them again is for the writer to say.
  if (unconfirmed.length > 0) addNote("Your last message may not have arrived. It is back in the box below.");
  takeBack(unconfirmed.splice(0));
  myId = null;
  joining = false;
  showCount(undefined);
  allowTyping(false, state === "lost" ? "Not connected. What you typed is kept." : "Joining…");
}

function takeBack(texts) {
  setDraft([...texts, text.value].filter(Boolean).join("\n"));
}

const handlers = {
  welcome(message) {
    addNote(...greeting(message));
    ({ id: myId, name } = message);
    joinedAs = name;
    joining = false;
    storeName(name);
    showChat();
    showCount(message.count);
    allowTyping(true, "Chatting as ", nameTag(name));
  },
  joined: showPassage,
  left: showPassage,
  said(message) {
    const own = message.id === myId;
    if (own) unconfirmed.splice(Math.max(0, unconfirmed.indexOf(message.text)), 1);
    addMessage(message, own);
  },
  rooms: (message) => showRooms(message.rooms),
  error(message) {
    if (myId === null) {
      askName(name, message.text);
      joining = false;
      name = "";
    } else {
      addNote(`Not accepted: ${message.text}`);
      takeBack(unconfirmed.splice(0, 1));
    }
  },
};

function onMessage(data) {
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return;
  }
  const type = message?.type;
  const expected = myId !== null || type === "welcome" || type === "error";
  if (expected && Object.hasOwn(handlers, type)) handlers[type](message);
}

function showPassage({ type, name: who, count }) {
  showCount(count);
  addLine(type, nameTag(who), " ", make("span", "text", type));
}

function greeting({ name: given, count, people = [] }) {
  if (given === joinedAs) return ["Connected again as ", nameTag(given), ". What was said in between is not shown."];
  const hello = ["You joined ", ...(room === LOBBY ? [] : [nameTag(room), " "]), "as ", nameTag(given), ". "];
  const others = people.filter((_, at) => at !== people.indexOf(given)).slice(0, MAX_GREETED);
  if (others.length === 0) return [...hello, "Nobody else is here yet: open this page in a second tab."];
  const more = count - 1 - others.length;
  const listed = others.flatMap((other) => [", ", nameTag(other)]).slice(1);
  return [...hello, "Also here: ", ...listed, more > 0 ? ` and ${more} more.` : "."];
}

// The name and the draft go along, and what was said stays behind.
function changeRoom() {
  if (roomOfPage() === room) return;
  room = roomOfPage();
  clearLog();
  joinedAs = "";
  refocus = true;
  showPlace();
  connection.restart(urlOf(room));
}

// Storage may be forbidden; the page then asks for the name again after a reload.
function storedName() {
  try {
    return sessionStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return "";
  }
}

function storeName(value) {
  try {
    sessionStorage.setItem(NAME_KEY, value);
  } catch { /* nothing is lost but the convenience */ }
}

byId("join-form").addEventListener("submit", (event) => {
  event.preventDefault();
  name = nameInput.value.trim();
  showNameProblem(name ? "" : "Please type a name first.");
  // Without a connection the chat shows just that, and joins once there is one.
  if (name && state !== "connected") showChat();
  join();
});

byId("say-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = text.value.trim();
  text.focus();
  if (!words || myId === null) return;
  connection.send({ type: "say", text: words });
  unconfirmed.push(words);
  setDraft("");
});

text.addEventListener("keydown", (event) => {
  // Enter also confirms a word in an input method; that one must not send.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId("say-form").requestSubmit();
});

byId("rename").addEventListener("click", () => {
  const old = name;
  name = joinedAs = "";
  storeName("");
  connection.restart();
  askName(old);
});

byId("retry").addEventListener("click", () => {
  refocus = true;
  connection.retryNow();
});

newer.addEventListener("click", () => {
  scrollToEnd();
  text.focus();
});

log.addEventListener("scroll", () => {
  if (unseen > 0 && nearEnd(log.clientHeight)) showUnseen(0);
}, { passive: true });

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  showUnread(0);
  connection.retryNow();
});

text.addEventListener("input", fitDraft);
addEventListener("online", connection.retryNow);
addEventListener("hashchange", changeRoom);
new ResizeObserver(keepEndInSight).observe(log);
