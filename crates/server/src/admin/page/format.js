// Figures as people read them. Every text is short, and of a width that hardly changes.

const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const seconds = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export const count = (value) => whole.format(Math.round(value));

// Large ones with a letter: 12.3k.
export function amount(value) {
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (value >= size) return number.format(value / size) + letter;
  }
  return number.format(value);
}

export function bytes(value) {
  for (const [size, unit] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (value >= size) return `${number.format(value / size)} ${unit}`;
  }
  return `${Math.round(value)} B`;
}

export const rate = (value) => `${amount(value)}/s`;

export const byteRate = (value) => `${bytes(value)}/s`;

// The largest two units, as the server's own words have it.
export function period(value) {
  const [days, hours, minutes] = [value / 86_400, (value / 3600) % 24, (value / 60) % 60].map(Math.floor);
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  if (minutes) return `${minutes} min ${value % 60} s`;
  return `${value} s`;
}

// Of microseconds.
export function trip(value) {
  if (value === null) return "–";
  return value < 1000 ? `${value} µs` : value < 1e6 ? `${number.format(value / 1000)} ms` : `${number.format(value / 1e6)} s`;
}

// Of milliseconds of Unix time.
export const time = (at) => clock.format(at);

export const exactTime = (at) => seconds.format(at);

export const plural = (value, word) => `${count(value)} ${word}${value === 1 ? "" : "s"}`;
