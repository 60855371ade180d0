// How many were closed with which code, as bars with a part for each code.

import { draw, niceTop } from "./axes.js";
import { count } from "./format.js";
import { closes } from "./series.js";

// Those with a colour of their own; the others share one, and have their rows in the table.
const COLOURED = ["1000", "1001", "1002", "1003", "1005", "1006", "1007", "1008", "1009", "1011", "1012"];

// What codes mean, in a word or two: RFC 6455 §7.4.1, and the registry.
export const MEANINGS = {
  1000: "normal",
  1001: "going away",
  1002: "protocol error",
  1003: "kind of data",
  1005: "no code",
  1006: "cut off",
  1007: "not UTF-8",
  1008: "policy",
  1009: "too big",
  1010: "extension",
  1011: "internal error",
  1012: "restart",
  1013: "try later",
  1014: "bad gateway",
  other: "codes",
};

const name = (code) => ({
  text: `${code} ${MEANINGS[code] ?? ""}`.trim(),
  class: COLOURED.includes(code) ? `code-${code}` : "code-other",
  code,
});

const total = (bucket) => [...closes(bucket).values()].reduce((all, some) => all + some, 0);

export function bars() {
  return {
    kind: "bars",
    step: "bar",
    format: count,

    // Those that there are, so few that each is named.
    series(buckets) {
      const codes = new Set(buckets.flatMap((bucket) => [...closes(bucket).keys()]));
      const order = Object.keys(MEANINGS);
      return [...codes].sort((a, b) => order.indexOf(a) - order.indexOf(b)).map((code) => ({ name: name(code) }));
    },

    value: (series, bucket) => closes(bucket).get(series.name.code) ?? 0,

    top: (buckets) => niceTop(Math.max(0, ...buckets.map(total)), { least: 4 }),

    draw(buckets, { x, y }, series) {
      return buckets.flatMap((bucket) => {
        const found = closes(bucket);
        const left = x(bucket.from) + 1;
        const width = Math.max(1, x(bucket.to) - x(bucket.from) - 2);
        let below = 0;
        return series.filter(({ name: { code } }) => found.has(code)).map(({ name: { code, class: colour } }) => {
          const above = below + found.get(code);
          const place = { x: left, width, y: y(above), height: Math.max(1, y(below) - y(above) - (below ? 1 : 0)) };
          below = above;
          return draw("rect", { class: `bar ${colour}`, "data-code": code, rx: 1.5, ...place });
        });
      });
    },

    mark(bucket, { x, bottom }) {
      return [draw("rect", { class: "band", x: x(bucket.from), width: x(bucket.to) - x(bucket.from), y: 8, height: bottom - 8 })];
    },
  };
}
