// Values that go up and down, as lines. Where nothing is known there is none.

import { draw, niceTop } from "./axes.js";

// `series`: of each its name, its class and `value(bucket)`.
export function lines({ series, format, base, least, filled = false }) {
  return {
    kind: "lines",
    step: "point",
    series: () => series,
    value: ({ value }, bucket) => value(bucket),
    format,

    top: (buckets) => niceTop(Math.max(0, ...buckets.flatMap((bucket) => series.map(({ value }) => value(bucket) ?? 0))), { base, least }),

    draw(buckets, { x, y, bottom }) {
      return series.flatMap(({ name, value }) => {
        const parts = [];
        let part = [];
        for (const bucket of [...buckets, null]) {
          const figure = bucket && value(bucket);
          if (bucket && figure !== null) part.push([x((bucket.from + bucket.to) / 2), y(figure)]);
          else if (part.length) parts.push(part), part = [];
        }
        return parts.flatMap((points) => {
          const path = `M${points.map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L")}`;
          const curve = draw("path", { class: `curve ${name.class}`, d: points.length === 1 ? `${path}h0.1` : path });
          if (!filled) return [curve];
          const down = `L${points.at(-1)[0].toFixed(1)} ${bottom}L${points[0][0].toFixed(1)} ${bottom}Z`;
          return [draw("path", { class: `under ${name.class}`, d: path + down }), curve];
        });
      });
    },

    mark(bucket, { x, y, bottom }) {
      const middle = x((bucket.from + bucket.to) / 2);
      const dots = series.filter(({ value }) => value(bucket) !== null).map(({ name, value }) =>
        draw("circle", { class: `dot ${name.class}`, cx: middle, cy: y(value(bucket)), r: 4.5 }));
      return [draw("line", { class: "cross", x1: middle, x2: middle, y1: 8, y2: bottom }), ...dots];
    },
  };
}
