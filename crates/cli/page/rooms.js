// Rooms: which one the page's address names, and the list of all with how many are in them.

export const LOBBY = "lobby";
const MAX_NAME = 32;

const byId = (id) => document.getElementById(id);
const [nav, list, toggle, form, input, problem] =
  ["rooms", "room-list", "room-toggle", "room-form", "room-name", "room-problem"].map(byId);
const items = new Map();
let counts = new Map();

// The lobby is the page without a fragment, and every other room the page with its name there.
export function roomOfPage() {
  try {
    return roomName(decodeURIComponent(location.hash.slice(1))) || LOBBY;
  } catch {
    return LOBBY;
  }
}

export const pathOf = (room) => room === LOBBY ? "/chat" : `/chat/${encodeURIComponent(room)}`;

// As the server has it; "" if it is no name. A path loses dots that are all of a segment.
function roomName(name) {
  const trimmed = name.trim();
  const good = [...trimmed].length <= MAX_NAME && !/^\.{1,2}$|\p{Cc}|\p{Cs}/u.test(trimmed);
  return good ? trimmed : "";
}

const fragmentOf = (room) => room === LOBBY ? "#" : `#${encodeURIComponent(room)}`;

// Shows the rooms of the server's list, and the one that the page is in, whether it is listed or not.
export function showRooms(rooms) {
  counts = new Map(rooms.map(({ name, count }) => [name, count]));
  drawRooms();
}

// Shows which room the page is in.
export function showRoom(room) {
  byId("room-title").textContent = byId("room-here").textContent = room;
  drawRooms();
}

function drawRooms() {
  const here = roomOfPage();
  const names = counts.has(here) ? [...counts.keys()] : [...counts.keys(), here];
  for (const gone of [...items.keys()].filter((name) => !names.includes(name))) items.delete(gone);
  const drawn = names.map((name) => drawRoom(name, name === here));
  // What stays where it is keeps the focus, and a screen reader's place.
  if (drawn.length === list.childElementCount && drawn.every((item, at) => list.children[at] === item)) return;
  const focused = document.activeElement;
  list.replaceChildren(...drawn);
  if (list.contains(focused)) focused.focus({ preventScroll: true });
}

function drawRoom(name, isHere) {
  if (!items.has(name)) items.set(name, makeRoom(name));
  const item = items.get(name);
  const [link] = item.children;
  const count = counts.get(name) ?? 0;
  if (isHere) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  link.lastElementChild.textContent = String(count);
  link.setAttribute("aria-label", `${name}, ${count} ${count === 1 ? "person" : "people"}`);
  return item;
}

function makeRoom(name) {
  const link = document.createElement("a");
  const label = document.createElement("span");
  const count = document.createElement("span");
  [link.href, link.title, label.className, label.dir, count.className] = [fragmentOf(name), name, "label", "auto", "badge"];
  label.textContent = name;
  link.append(label, count);
  const item = document.createElement("li");
  item.append(link);
  return item;
}

// Where the list has no place of its own, it opens beneath the header.
function openRooms(open) {
  nav.toggleAttribute("data-open", open);
  toggle.setAttribute("aria-expanded", String(open));
}

toggle.addEventListener("click", () => openRooms(!nav.hasAttribute("data-open")));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !nav.hasAttribute("data-open")) return;
  openRooms(false);
  toggle.focus();
});

document.addEventListener("click", ({ target }) => {
  if (!nav.contains(target) && !toggle.contains(target)) openRooms(false);
});

list.addEventListener("click", ({ target }) => {
  if (target.closest("a")) openRooms(false);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const name = roomName(input.value);
  problem.textContent = name ? "" : "Please type a name for the room.";
  input.setAttribute("aria-invalid", String(!name));
  if (!name) return input.focus();
  input.value = "";
  openRooms(false);
  location.hash = fragmentOf(name);
});
