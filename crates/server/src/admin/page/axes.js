// The axes of a plot: where lines and words go. Sizes are in pixels of the page.

const SVG = "http://www.w3.org/2000/svg";

export const MARGIN = { top: 8, right: 10, bottom: 22, left: 58 };

// How much room a time takes, with what is between it and the next.
const WORD = 76;

// What times may be apart.
const MINUTES = [1, 2, 5, 10, 15, 20, 30];

export function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// A number that is easily read, at least as large, so that four lines or so divide it well.
export function niceTop(value, { base = 10, least = 1 } = {}) {
  const high = Math.max(value, least);
  const power = base ** Math.floor(Math.log(high) / Math.log(base) + 1e-9);
  const steps = base === 10 ? [1, 2, 4, 5, 8, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  return steps.find((step) => step * power >= high * (1 - 1e-9)) * power;
}

// From values and times to places, and back.
export function scales({ width, height }, { from, to, top }) {
  const inner = { width: Math.max(1, width - MARGIN.left - MARGIN.right), height: height - MARGIN.top - MARGIN.bottom };
  return {
    x: (at) => MARGIN.left + ((at - from) / (to - from)) * inner.width,
    y: (value) => MARGIN.top + (1 - value / top) * inner.height,
    at: (x) => from + ((x - MARGIN.left) / inner.width) * (to - from),
    bottom: MARGIN.top + inner.height,
    right: MARGIN.left + inner.width,
  };
}

// Lines across with their values, and times below.
export function axes({ x, y, bottom, right }, { from, to, top }, format, formatTime) {
  const drawn = [];
  // Of 10, 50 and 100 a fifth is a number that is easily read, and of all others a quarter.
  const lines = /^[15]0*$/.test(String(top)) ? 5 : 4;
  for (let line = 0; line <= lines; line += 1) {
    const value = (top * line) / lines;
    drawn.push(draw("line", { class: "grid", x1: MARGIN.left, x2: right, y1: y(value), y2: y(value) }));
    drawn.push(draw("text", { class: "tick", x: MARGIN.left - 8, y: y(value) + 4, "text-anchor": "end" }, format(value)));
  }
  const room = Math.max(2, Math.floor((right - MARGIN.left) / WORD));
  const round = MINUTES.map((minutes) => minutes * 60_000).find((step) => (to - from) / step <= room) ?? to - from;
  for (let at = Math.ceil(from / round) * round; at <= to; at += round) {
    drawn.push(draw("text", { class: "tick", x: x(at), y: bottom + 17, "text-anchor": "middle" }, formatTime(at)));
  }
  return drawn;
}
