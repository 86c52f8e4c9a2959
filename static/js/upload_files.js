// What somebody chose or dropped: files, each with its path in the folder it came with.
const READ_AT_ONCE = 32;

export const listed = (files) => [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

const entriesOf = (reader) => new Promise((done, fail) => reader.readEntries(done, fail));
const fileOf = (entry) => new Promise((done, fail) => entry.file(done, fail));

// Folders one after the other, the files of each some at a time: a tree of any size is read with little at once.
async function walk(entries) {
  const found = [];
  const folders = [...entries].map((entry) => ({ entry, above: "" }));
  while (folders.length) {
    const { entry, above } = folders.pop();
    const path = above + entry.name;
    if (entry.isFile) {
      found.push({ file: await fileOf(entry), path });
      continue;
    }
    const reader = entry.createReader();
    for (let part = await entriesOf(reader); part.length; part = await entriesOf(reader)) {
      const files = part.filter((inner) => inner.isFile);
      for (let at = 0; at < files.length; at += READ_AT_ONCE) {
        const some = files.slice(at, at + READ_AT_ONCE);
        const read = await Promise.all(some.map(fileOf));
        read.forEach((file, index) => found.push({ file, path: `${path}/${some[index].name}` }));
      }
      for (const inner of part) if (inner.isDirectory) folders.push({ entry: inner, above: `${path}/` });
    }
  }
  return found;
}

// The entries must be asked for before the event is over; reading them may take longer.
export async function dropped(transfer) {
  const files = listed(transfer.files);
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.some((entry) => entry.isDirectory) ? walk(entries) : files;
}
