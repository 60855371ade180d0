// What the page is let in by. It comes in the fragment of the page's address, which browsers send to nobody, or from
// whoever types it, and stays with this tab.

const KEY = "aerys.token";

// Takes it out of the address, so that it is in no picture of the window, no bookmark and no history.
export function takeFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return false;
  history.replaceState(null, "", location.pathname);
  keep(token);
  return true;
}

export const known = () => sessionStorage.getItem(KEY);

export function keep(token) {
  sessionStorage.setItem(KEY, token.trim());
}

export function forget() {
  sessionStorage.removeItem(KEY);
}

// Asks what needs it. Answers the status, with what was said.
export async function ask(method, path) {
  const response = await fetch(path, { method, headers: { Authorization: `Bearer ${known()}` }, cache: "no-store" });
  return { status: response.status, text: (await response.text()).trim() };
}
