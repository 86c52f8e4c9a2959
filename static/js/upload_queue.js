// Sends files, some at a time, each as a request of its own that goes on where it broke off.
const AT_ONCE = 4;
const TRIES = 6;
const WAITS = [1, 2, 4, 8, 15, 30];
// A connection may be dead without anybody saying so: seconds without a byte moving, and for the answer after the last.
const SILENT = 30;
const STORING = 600;
const PASSING = new Set([0, 408, 409, 425, 429, 500, 502, 503, 504]);

export const seconds = (count) => new Promise((done) => setTimeout(done, count * 1000));

// → {status, body}: status 0 when nothing came back; body null when the answer was none of ours.
export function ask(method, url, token, { body = null, progress = null, started = null } = {}) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", token);
    if (body !== null) request.setRequestHeader("Content-Type", "application/octet-stream");
    if (progress) request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("loadend", () => {
      let answer = null;
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // A page instead of an answer: signed out, or something between us and the console.
      }
      done({ status: request.status, body: answer });
    });
    started?.(request);
    request.send(body);
  });
}

// Items are {number, file, path, url}; the queue adds state (waiting, sending, done, failed), sent and error.
export class Queue {
  constructor(items, token, words) {
    this.items = items;
    this.token = token;
    this.words = words;
    this.next = 0;
    this.active = new Set();
    this.failed = [];
    this.counts = { done: 0, bytes: 0 };
    this.paused = this.stopped = this.lost = false;
    this.going = null;
    this.stop = new Promise((done) => (this.halt = done));
  }

  async run() {
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.takeTurns()));
  }

  async takeTurns() {
    while (!this.stopped && this.next < this.items.length) {
      const item = this.items[this.next++];
      this.active.add(item);
      item.sent = 0;
      item.error = (await this.send(item)) ?? "";
      item.request = null;
      this.active.delete(item);
      if (this.stopped) return;
      if (item.error) this.failed.push(item);
      else this.count(item);
    }
  }

  count(item) {
    this.counts.done += 1;
    this.counts.bytes += item.file.size;
  }

  retry() {
    this.items = this.failed;
    this.failed = [];
    this.next = 0;
    return this.run();
  }

  // → what went wrong for good, in words; nothing when the file is stored or the queue was stopped.
  async send(item) {
    let start = 0;
    let kept = 0;
    for (let tries = 0; ; ) {
      await this.turn();
      if (this.stopped) return "";
      const answer = await this.put(item, start);
      if (this.stopped || answer.body?.done) return "";
      if (!this.paused) {
        const again = PASSING.has(answer.status) || answer.body?.code === "upload.interrupted";
        if (!again || tries >= TRIES) return answer.body?.error ?? this.why(answer);
        if (answer.status === 0 && !(await readable(item.file))) return this.words.unreadable;
        if (!("received" in (answer.body ?? {}))) await this.wait(item, tries);
        tries += 1;
      }
      await this.turn();
      start = await this.kept(item);
      if (start > kept) tries = 0;
      kept = Math.max(kept, start);
    }
  }

  why(answer) {
    return answer.status === 200 || answer.status === 401 || answer.status === 403 ? this.words.refused : this.words.failed;
  }

  async put(item, start) {
    item.state = this.words.sending;
    item.sent = start;
    const rest = item.file.size - start;
    const watch = (silent) => {
      clearTimeout(item.watch);
      item.watch = setTimeout(() => item.request?.abort(), silent * 1000);
    };
    watch(SILENT);
    const answer = await ask("PUT", `${item.url}?start=${start}`, this.token, {
      body: item.file.slice(start),
      started: (request) => (item.request = request),
      progress: (loaded) => {
        watch(loaded < rest ? SILENT : STORING);
        item.sent = start + Math.min(loaded, rest);
        if (loaded >= rest) item.state = this.words.storing;
      },
    });
    clearTimeout(item.watch);
    return answer;
  }

  // Where to go on; asked again and again while nothing answers.
  async kept(item) {
    for (let tries = 0; ; tries += 1) {
      if (this.stopped) return 0;
      const answer = await ask("GET", item.url, this.token);
      this.lost = answer.status === 0;
      if (!this.lost) return answer.body?.received ?? 0;
      await this.wait(item, tries);
    }
  }

  async wait(item, tries) {
    const count = WAITS[Math.min(tries, WAITS.length - 1)];
    item.state = this.words.again.replace("{n}", count);
    const back = new Promise((done) => addEventListener("online", done, { once: true }));
    await Promise.race([seconds(count), back, this.stop]);
  }

  // At once, unless paused.
  async turn() {
    if (this.paused && !this.stopped) await this.going?.promise;
  }

  pause() {
    this.paused = true;
    this.going = resolvers();
    for (const item of this.active) item.request?.abort();
  }

  resume() {
    this.paused = false;
    this.going?.resolve();
  }

  end() {
    this.stopped = true;
    this.halt();
    for (const item of this.active) item.request?.abort();
    this.going?.resolve();
  }
}

function resolvers() {
  const made = {};
  made.promise = new Promise((resolve) => (made.resolve = resolve));
  return made;
}

// A file that was changed, moved or deleted after it was chosen cannot be read any more.
function readable(file) {
  return file.slice(0, 1).arrayBuffer().then(() => true, () => false);
}
