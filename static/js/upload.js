// form[data-upload="/storage/…/uploads/"]: what is chosen or dropped is checked whole, then every file is a request of
// its own. Without this the form sends everything in one request.
import { dropped, listed } from "./upload_files.js";
import { ask, Queue, seconds } from "./upload_queue.js";
import { fill, number, size, View } from "./upload_view.js";

const POLL = 1;
const uploads = new WeakMap();
const running = new Set();

const wordsOf = (form) =>
  Object.fromEntries(
    Object.entries(form.dataset)
      .filter(([name]) => name.startsWith("words"))
      .map(([name, text]) => [name[5].toLowerCase() + name.slice(6), text]),
  );

class Upload {
  constructor(form) {
    this.form = form;
    this.words = wordsOf(form);
    this.token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    this.items = [];
    this.checks = 0;
    this.sure = false;
    this.looking = null;
  }

  part(name) {
    return this.form.querySelector(`[data-upload-${name}]`);
  }

  show(...names) {
    for (const name of ["leave", "cancel", "pause", "resume", "retry", "finish", "close", "send"]) {
      const control = this.part(name);
      if (control) control.hidden = !names.includes(name);
    }
  }

  tell(name, text) {
    const place = this.part(name);
    place.textContent = text;
    place.hidden = !text;
  }

  post(url, wish = null) {
    return ask("POST", url, this.token, { body: wish && JSON.stringify(wish) });
  }

  wish(check) {
    const { folder, unpack, conflict } = this.form.elements;
    const files = this.items.map(({ file, path }) => [path, file.size]);
    return { folder: folder.value, unpack: unpack.checked, conflict: conflict.value, files, check };
  }

  wrong(answer) {
    return answer.body?.error ?? (answer.status === 200 || answer.status === 403 ? this.words.refused : this.words.failed);
  }

  take(choosing) {
    this.follow(this.read(choosing));
  }

  check() {
    this.follow(this.lookAhead());
  }

  // Known once it is over: what was chosen, and what sending it would meet.
  follow(work) {
    this.looking = Promise.all([this.looking, work]);
  }

  async read(choosing) {
    this.tell("chosen", this.words.reading);
    try {
      this.items = await choosing;
    } catch {
      this.items = [];
      this.tell("chosen", "");
      this.tell("error", this.words.unreadable);
      return;
    }
    await this.lookAhead();
  }

  // What sending would meet, before a byte is sent. Nothing moves before the answer: a click may be under way.
  async lookAhead() {
    const mine = ++this.checks;
    this.sure = false;
    const total = this.items.reduce((sum, { file }) => sum + file.size, 0);
    this.tell("chosen", this.items.length ? fill(this.words.chosen, { files: number(this.items.length), size: size(total) }) : "");
    const answer = this.items.length ? await this.post(this.form.dataset.upload, this.wish(true)) : null;
    if (mine !== this.checks) return;
    this.sure = answer?.status === 200 && Boolean(answer.body);
    this.meet(answer?.body?.conflicts ? answer.body : null);
    this.tell("error", answer && !this.sure ? this.wrong(answer) : "");
  }

  meet(found) {
    const values = found && { count: number(found.conflicts), files: number(this.items.length), name: found.names[0] };
    this.tell("conflicts", found ? fill(this.words.conflicts, values) : "");
    this.part("spoken").textContent = this.met;
    this.part("conflict").classList.toggle("met", Boolean(found));
  }

  get met() {
    return this.part("conflicts").textContent;
  }

  async known() {
    for (let looking; looking !== this.looking; ) {
      looking = this.looking;
      await looking;
    }
    if (this.items.length && !this.sure) await this.lookAhead();
  }

  // Names that are taken are shown before anything happens to them: who has not seen them yet presses once more.
  async send() {
    const seen = this.met;
    this.part("send").disabled = true;
    await this.known();
    const unseen = this.met && this.met !== seen;
    if (!this.items.length) this.tell("error", this.part("error").textContent || this.words.nothing);
    else if (this.sure && !unseen) await this.start();
    this.part("send").disabled = false;
    if (unseen) this.form.querySelector("[name=conflict]:checked").focus();
  }

  async start() {
    this.checks += 1;
    const answer = await this.post(this.form.dataset.upload, this.wish(false));
    if (answer.status !== 201) return this.tell("error", this.wrong(answer));
    this.begin(answer.body);
  }

  begin(plan) {
    this.address = plan.address;
    this.skipped = plan.skipped.length;
    const skipped = new Set(plan.skipped);
    const items = this.items.map(({ file, path }, index) => ({ file, path, number: index, url: `${plan.address}${index}/` }));
    this.queue = new Queue(items.filter((item) => !skipped.has(item.number)), this.token, this.words);
    this.view = new View(this.form, this.words, this.queue);
    this.part("choose").hidden = true;
    this.part("run").hidden = false;
    this.go(() => this.queue.run());
  }

  async go(work) {
    running.add(this);
    this.view.start();
    this.show("cancel", "pause");
    this.part("pause").focus();
    await work();
    if (this.queue.stopped) return;
    this.view.stop();
    if (!this.queue.failed.length) return this.finish();
    running.delete(this);
    this.end(this.result());
    this.show("retry", "finish");
  }

  result() {
    const { counts, failed } = this.queue;
    return fill(this.words.ended, { stored: number(counts.done), skipped: number(this.skipped), failed: number(failed.length) });
  }

  end(text) {
    this.view.say(text);
    this.view.rate.textContent = "";
    this.view.spoken.textContent = text;
  }

  retry() {
    this.go(() => this.queue.retry());
  }

  pause(on) {
    if (on) this.queue.pause();
    else this.queue.resume();
    this.show("cancel", on ? "resume" : "pause");
    this.part(on ? "resume" : "pause").focus();
  }

  async cancel() {
    this.queue.end();
    this.view.stop();
    const answer = await this.post(`${this.address}cancel/`);
    running.delete(this);
    this.end(fill(this.words.cancelled, { stored: number(answer.body?.files_done ?? this.queue.counts.done) }));
    this.view.rowsOf([], []);
    this.folder = answer.body?.folder;
    this.show("close");
    this.part("close").focus();
  }

  // Archives are unpacked after everything arrived; this waits for it, and may be left meanwhile.
  async finish() {
    let answer = await this.post(`${this.address}finish/${this.part("back") ? "" : "?announce"}`);
    running.delete(this);
    const unpacked = answer.body?.state === "unpacking";
    if (unpacked) this.show("close");
    while (answer.body && !answer.body.finished && this.form.isConnected) {
      const { files_done: done, files_total: files } = answer.body;
      this.folder = answer.body.folder;
      this.end(fill(this.words.unpacking, { done: number(done), files: number(files) }));
      this.view.bar.removeAttribute("value");
      if (files) this.view.bar.value = done / files;
      await seconds(POLL);
      const next = await ask("GET", this.address, this.token);
      if (next.status) answer = next;
    }
    this.folder = answer.body?.folder;
    if (answer.body?.state !== "done") return this.fail(answer);
    if (unpacked && !this.part("back")) await this.post(`${this.address}finish/?announce`);
    this.leave();
  }

  fail(answer) {
    this.view.bar.value = 0;
    this.end(answer.body?.error || this.wrong(answer));
    this.part("words").classList.add("field-error");
    this.show("close");
    this.part("close").focus();
  }

  // Back to the folder: the listing of the picker, or the page.
  leave() {
    if (!this.form.isConnected) return;
    if (this.part("back")) this.part("back").click();
    else window.location.assign(this.folder ?? window.location.href);
  }

  flash() {
    this.view.spoken.textContent = this.words.busy;
    this.view.rate.textContent = this.words.busy;
  }
}

function uploadOf(element) {
  const form = element.closest?.("form[data-upload]");
  if (!form) return null;
  if (!uploads.has(form)) uploads.set(form, new Upload(form));
  return uploads.get(form);
}

document.addEventListener("submit", (event) => {
  const upload = uploadOf(event.target);
  if (!upload) return;
  event.preventDefault();
  upload.send();
});

document.addEventListener("change", (event) => {
  const upload = uploadOf(event.target);
  if (!upload) return;
  if (event.target.type === "file") upload.take(Promise.resolve(listed(event.target.files)));
  else if (event.target.name !== "conflict") upload.check();
});

const DOES = {
  pause: (upload) => upload.pause(true),
  resume: (upload) => upload.pause(false),
  cancel: (upload) => upload.cancel(),
  retry: (upload) => upload.retry(),
  finish: (upload) => upload.finish(),
  close: (upload) => upload.leave(),
};

document.addEventListener("click", (event) => {
  const upload = uploadOf(event.target);
  for (const [name, act] of Object.entries(DOES)) {
    if (upload && event.target.closest(`[data-upload-${name}]`)) act(upload);
  }
});

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const zone = event.target.closest?.("[data-drop]");
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle("over", kind === "dragover");
    if (kind === "drop") uploadOf(zone)?.take(dropped(event.dataTransfer));
  });
}

// A dialog does not close, and the page is not left, while its upload runs.
const busyIn = (dialog) => [...running].find((upload) => dialog?.contains(upload.form));

function hold(event, dialog) {
  const upload = busyIn(dialog);
  if (!upload) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  upload.flash();
}

document.addEventListener("cancel", (event) => hold(event, event.target), true);
document.addEventListener(
  "click",
  (event) => {
    const closes = event.target instanceof HTMLDialogElement || event.target.closest("[data-dialog-close]");
    if (closes) hold(event, event.target.closest("dialog"));
  },
  true,
);
addEventListener("beforeunload", (event) => {
  if (running.size) event.preventDefault();
});
