// The last hour, as samples, and what plots are made of: buckets of them.

const HOUR = 3_600_000;

// What is shown: as little of the hour as has everything, so that a young server has more than a sliver. The first that
// fits is taken: its length, and that of a point, a bar and a row of the table.
const SPANS = [
  { span: 5 * 60_000, point: 2_000, bar: 10_000, row: 30_000, name: "5 minutes" },
  { span: 15 * 60_000, point: 6_000, bar: 30_000, row: 60_000, name: "15 minutes" },
  { span: HOUR, point: 20_000, bar: 120_000, row: 300_000, name: "hour" },
];

export class Series {
  samples = [];

  // All that there is.
  reset({ fields, samples }) {
    this.fields = fields;
    this.samples = samples.map((sample) => this.read(sample));
  }

  add(sample) {
    const read = this.read(sample);
    // What is told twice, as to a page that has come just then, counts once.
    if (this.samples.length && this.samples.at(-1).at >= read.at) return;
    this.samples.push(read);
    const first = this.samples.findIndex(({ at }) => at > read.at - HOUR);
    this.samples.splice(0, first);
  }

  read(values) {
    const sample = { closes: values[this.fields.length] ?? {} };
    this.fields.forEach((field, index) => { sample[field] = values[index]; });
    return sample;
  }

  get last() {
    return this.samples.at(-1);
  }

  // What is to be shown now.
  window() {
    const to = this.last?.at ?? Date.now();
    const age = to - (this.samples[0]?.at ?? to);
    return { ...(SPANS.find(({ span }) => age <= span) ?? SPANS.at(-1)), to };
  }

  // In steps that begin at whole multiples of their length, so that what is in one stays there.
  buckets({ span, to }, step) {
    const end = Math.ceil(to / step) * step;
    const buckets = [];
    for (let from = end - span; from < end; from += step) buckets.push({ from, to: from + step, samples: [] });
    for (const sample of this.samples) {
      // A sample is about the time before it.
      buckets[Math.floor((sample.at - 1 - (end - span)) / step)]?.samples.push(sample);
    }
    return buckets;
  }
}

export const sum = (field) => ({ samples }) => samples.reduce((all, sample) => all + sample[field], 0);

// A second, or nothing where nothing is known.
export const perSecond = (field) => (bucket) =>
  bucket.samples.length ? (sum(field)(bucket) * 1000) / Math.max(1, sum("span")(bucket)) : null;

export const most = (field) => ({ samples }) =>
  samples.length ? Math.max(...samples.map((sample) => sample[field])) : null;

// How many were closed with each code.
export function closes({ samples }) {
  const codes = new Map();
  for (const sample of samples) {
    for (const [code, count] of Object.entries(sample.closes)) codes.set(code, (codes.get(code) ?? 0) + count);
  }
  return codes;
}
