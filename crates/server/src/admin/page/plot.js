// A plot: a picture that can be read point by point, by mouse, finger and arrow keys, and a table of the same.

import { MARGIN, axes, scales } from "./axes.js";
import { exactTime, time } from "./format.js";

// How many points the page keys go.
const LEAP = 10;

export class Plot {
  buckets = [];
  rows = [];
  // The point that is looked at, if one is.
  chosen = null;

  // `layer` draws the values: lines or bars.
  constructor(section, { title, layer }) {
    Object.assign(this, { section, title, layer });
    section.innerHTML = `
      <div class="heading"><h2></h2><ul class="legend" role="list"></ul></div>
      <div class="canvas" tabindex="0" role="slider" aria-orientation="horizontal">
        <svg aria-hidden="true" focusable="false"><g></g><g></g><g></g></svg>
        <div class="tip" aria-hidden="true" hidden></div>
      </div>
      <details><summary>As a table</summary><div><table><thead></thead><tbody></tbody></table></div></details>`;
    this.find = (selector) => section.querySelector(selector);
    this.canvas = this.find(".canvas");
    this.tip = this.find(".tip");
    this.svg = this.find("svg");
    [this.axes, this.values, this.marks] = this.svg.children;
    const heading = this.find("h2");
    heading.textContent = title;
    heading.id = `${section.id}-title`;
    section.setAttribute("aria-labelledby", heading.id);
    this.find(".legend").classList.add(layer.kind);
    this.canvas.setAttribute("aria-label", `${title}: arrow keys go from point to point`);
    this.listen();
    new ResizeObserver(() => this.show()).observe(this.canvas);
  }

  listen() {
    this.canvas.addEventListener("pointermove", ({ offsetX, target }) => {
      if (this.scale && target.closest("svg, .canvas")) this.chooseAt(this.scale.at(offsetX));
    });
    this.canvas.addEventListener("pointerleave", () => this.choose(null));
    this.canvas.addEventListener("blur", () => this.choose(null));
    this.canvas.addEventListener("keydown", (event) => {
      const last = this.buckets.length - 1;
      const now = this.chosen ?? last;
      const to = {
        ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1,
        PageDown: now - LEAP, PageUp: now + LEAP, Home: 0, End: last,
      }[event.key];
      if (event.key === "Escape") this.choose(null);
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      // The first key shows where one is.
      this.choose(this.chosen === null && !["Home", "End"].includes(event.key) ? last : Math.min(last, Math.max(0, to)));
    });
    this.find("details").addEventListener("toggle", () => this.tell());
  }

  // Shows what is known now: the buckets of the picture, and those of the table.
  update(window, buckets, rows) {
    // Who looks at a point goes on to look at it.
    const from = this.chosen === null ? null : this.buckets[this.chosen]?.from;
    Object.assign(this, { window, buckets, rows });
    if (from !== null) {
      const found = buckets.findIndex((bucket) => bucket.from === from);
      this.chosen = found < 0 ? null : found;
    }
    this.series = this.layer.series(buckets);
    this.show();
    this.tell();
  }

  show() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!this.buckets.length || !width) return;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const range = { from: this.buckets[0].from, to: this.buckets.at(-1).to, top: this.layer.top(this.buckets) };
    this.scale = scales({ width, height }, range);
    this.axes.replaceChildren(...axes(this.scale, range, this.layer.format, time));
    this.values.replaceChildren(...this.layer.draw(this.buckets, this.scale, this.series));
    this.name();
    this.mark();
  }

  // What each line or colour is, and how much there was of it last, or in all.
  name() {
    const known = this.buckets.filter(({ samples }) => samples.length);
    this.find(".legend").replaceChildren(...this.series.map((series) => {
      const figures = known.map((bucket) => this.layer.value(series, bucket));
      const figure = this.layer.kind === "bars" ? figures.reduce((all, one) => all + one, 0) : figures.at(-1);
      return this.item(series, figure ?? null);
    }));
  }

  item({ name }, figure) {
    const item = document.createElement("li");
    const swatch = document.createElement("span");
    swatch.className = `swatch ${name.class}`;
    const value = document.createElement("b");
    value.textContent = figure === null ? "–" : this.layer.format(figure);
    item.append(swatch, `${name.text} `, value);
    return item;
  }

  choose(index) {
    this.chosen = index;
    this.mark();
  }

  chooseAt(at) {
    const index = this.buckets.findIndex(({ from, to }) => from <= at && at < to);
    this.choose(index < 0 ? null : index);
  }

  // Marks the point that is looked at, and says what there was.
  mark() {
    const bucket = this.buckets[this.chosen];
    const last = this.buckets.length - 1;
    const told = bucket ?? this.buckets[last];
    this.canvas.setAttribute("aria-valuemin", 0);
    this.canvas.setAttribute("aria-valuemax", Math.max(0, last));
    this.canvas.setAttribute("aria-valuenow", Math.max(0, this.chosen ?? last));
    if (told) this.canvas.setAttribute("aria-valuetext", this.words(told));
    this.tip.hidden = !bucket;
    this.marks.replaceChildren(...(bucket && this.scale ? this.layer.mark(bucket, this.scale) : []));
    if (!bucket || !this.scale) return;
    const heading = document.createElement("p");
    heading.textContent = this.when(bucket);
    const list = document.createElement("ul");
    const items = this.some(bucket).map((series) => this.item(series, this.layer.value(series, bucket)));
    list.append(...(items.length ? items : [this.nothing(bucket)]));
    this.tip.replaceChildren(heading, list);
    const middle = this.scale.x((bucket.from + bucket.to) / 2);
    const side = middle + 14 + this.tip.offsetWidth > this.canvas.clientWidth ? middle - 14 - this.tip.offsetWidth : middle + 14;
    this.tip.style.transform = `translate(${Math.max(0, side)}px, ${MARGIN.top}px)`;
  }

  // Of many codes only those that there were.
  some(bucket) {
    return this.layer.kind === "bars" ? this.series.filter((series) => this.layer.value(series, bucket) > 0) : this.series;
  }

  nothing({ samples }) {
    const item = document.createElement("li");
    item.textContent = samples.length ? "None" : "Not known";
    return item;
  }

  when({ from, to }) {
    return this.layer.kind === "bars" ? `${exactTime(from)} – ${exactTime(to)}` : exactTime(to);
  }

  words(bucket) {
    const figures = this.some(bucket).map((series) => {
      const value = this.layer.value(series, bucket);
      return `${series.name.text} ${value === null ? "not known" : this.layer.format(value)}`;
    });
    return `${this.when(bucket)}: ${figures.join(", ") || "none"}`;
  }

  // The same as a table, the latest first, for whoever has opened it.
  tell() {
    const details = this.find("details");
    details.querySelector("summary").textContent = `The last ${this.window?.name ?? "hour"} as a table`;
    if (!details.open || !this.series) return;
    const cell = (name, text, scope) => {
      const element = document.createElement(name);
      if (scope) element.scope = scope;
      element.textContent = text;
      return element;
    };
    const row = (cells) => {
      const element = document.createElement("tr");
      element.append(...cells);
      return element;
    };
    const names = this.series.map(({ name }) => cell("th", name.text, "col"));
    this.find("thead").replaceChildren(row([cell("th", "From", "col"), ...names]));
    const known = this.rows.filter(({ samples }) => samples.length).reverse();
    this.find("tbody").replaceChildren(...known.map((bucket) => row([
      cell("th", exactTime(bucket.from), "row"),
      ...this.series.map((series) => cell("td", this.layer.format(this.layer.value(series, bucket) ?? 0))),
    ])));
  }
}
