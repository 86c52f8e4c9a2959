// What an upload shows: totals, the few files that are moving, those that failed. Its rows do not grow with the files.
const UNITS = ["B", "KB", "MB", "GB", "TB"];
const ROWS = 50;
const LOOK = 250;
const SPEAK = 15_000;
// A guess beyond this is none.
const LONGEST = 100 * 3600;
// A file takes time however small it is: as long as so many bytes.
const FILE_BYTES = 65_536;

export function size(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  return `${(bytes / 1024 ** step).toFixed(step ? 2 : 0)} ${UNITS[step]}`;
}

export const number = (value) => value.toLocaleString(document.documentElement.lang);

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

function part(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function time(count, words) {
  if (count < 60) return fill(words.seconds, { n: Math.max(1, Math.round(count)) });
  if (count < 3600) return fill(words.minutes, { n: Math.round(count / 60) });
  return fill(words.hours, { n: (count / 3600).toFixed(1) });
}

export class View {
  constructor(form, words, queue) {
    this.queue = queue;
    for (const name of ["words", "bar", "rate", "list", "spoken"]) this[name] = form.querySelector(`[data-upload-${name}]`);
    this.text = words;
    this.rows = new Map();
    this.spokenAt = 0;
    this.total = queue.items.length;
    this.bytes = queue.items.reduce((sum, item) => sum + item.file.size, 0);
    this.weight = this.bytes + FILE_BYTES * this.total;
  }

  start() {
    this.last = { at: performance.now(), weight: 0, bytes: this.queue.counts.bytes };
    this.last.weight = this.last.bytes + FILE_BYTES * this.queue.counts.done;
    this.speed = this.flow = 0;
    this.clock = setInterval(() => this.look(), LOOK);
    this.look();
  }

  stop() {
    clearInterval(this.clock);
    this.look();
  }

  look() {
    const { queue } = this;
    const moving = [...queue.active].reduce((sum, item) => sum + (item.sent ?? 0), 0);
    const bytes = queue.counts.bytes + moving;
    const weight = bytes + FILE_BYTES * queue.counts.done;
    this.measure(bytes, weight);
    const values = { done: number(queue.counts.done), files: number(this.total), bytes: size(bytes), size: size(this.bytes) };
    this.say(fill(this.text.progress, values));
    this.bar.value = this.weight ? weight / this.weight : 1;
    this.rate.textContent = this.pace(weight);
    this.speak(Math.floor(100 * this.bar.value));
    this.rowsOf([...queue.active], queue.failed);
  }

  say(text) {
    this.words.textContent = text;
  }

  measure(bytes, weight) {
    const now = performance.now();
    const passed = (now - this.last.at) / 1000;
    if (passed < 0.2) return;
    const share = this.speed ? Math.min(passed / 3, 1) : 1;
    this.speed += share * (Math.max(bytes - this.last.bytes, 0) / passed - this.speed);
    this.flow += share * (Math.max(weight - this.last.weight, 0) / passed - this.flow);
    this.last = { at: now, bytes, weight };
  }

  pace(weight) {
    if (this.queue.paused) return this.text.paused;
    if (this.queue.lost) return this.text.waiting;
    const left = (this.weight - weight) / this.flow;
    return left < LONGEST ? fill(this.text.rate, { speed: size(this.speed), time: time(left, this.text) }) : "";
  }

  speak(percent) {
    if (performance.now() - this.spokenAt < SPEAK) return;
    this.spokenAt = performance.now();
    this.spoken.textContent = fill(this.text.spoken, { percent });
  }

  rowsOf(active, failed) {
    const wanted = new Set([...active, ...failed.slice(0, ROWS)]);
    for (const [item, row] of this.rows) {
      if (wanted.has(item)) continue;
      row.line.remove();
      this.rows.delete(item);
    }
    for (const item of wanted) this.row(item);
    const hidden = failed.length - ROWS;
    this.more ??= part("li", "upload-item muted");
    this.more.textContent = hidden > 0 ? fill(this.text.more, { n: number(hidden) }) : "";
    if (hidden > 0) this.list.append(this.more);
    else this.more.remove();
  }

  row(item) {
    if (!this.rows.has(item)) this.rows.set(item, this.line(item));
    const row = this.rows.get(item);
    row.words.textContent = item.error || (this.queue.paused ? this.text.paused : item.state) || "";
    row.line.classList.toggle("bad", Boolean(item.error));
    row.bar.hidden = Boolean(item.error);
    row.bar.value = item.file.size ? (item.sent ?? 0) / item.file.size : 1;
  }

  line(item) {
    const line = part("li", "upload-item");
    const words = part("span", "upload-state");
    const bar = part("progress", "progress");
    bar.max = 1;
    bar.setAttribute("aria-label", item.path);
    line.append(part("bdi", "upload-name", item.path), part("span", "upload-size", size(item.file.size)), words, bar);
    this.list.append(line);
    return { line, words, bar };
  }
}
