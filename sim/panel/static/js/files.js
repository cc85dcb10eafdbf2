// The files of the card with the boot's verdicts: search, audition, put on a pad, undo.

import { el, fill, sentence, setAttribute, setText } from "./dom.js";
import { size } from "./cardinfo.js";

const PAGE = 100;
const VERDICTS = { accepted: "✓ plays", doubtful: "? doubtful", refused: "✕ refused", other: "no audio", folder: "" };

export class Files {
  constructor(box, { store, ask, assign }) {
    Object.assign(this, { _store: store, _ask: ask, _assign: assign, _folder: "/", _offset: 0, _entries: [], _chosen: null });
    this._search = el("input", { type: "search", id: "search", maxlength: "100", placeholder: "part of a name", "aria-label": "Search the card" });
    this._crumbs = el("nav", { class: "crumbs", "aria-label": "Folder" });
    this._list = el("ul", { class: "filelist", "aria-label": "Files" });
    this._more = el("button", { type: "button", onclick: () => this._load(true) }, "More");
    this._said = el("p", { class: "soft", role: "status" });
    this._put = el("button", { type: "button", onclick: () => this._chosen && assign(this._chosen, store.local.chosen) });
    this._undo = el("button", { type: "button", onclick: () => ask({ t: "undo" }) }, "Undo");
    fill(box, "Files", this._search, this._crumbs, el("div", { class: "row put" }, this._put, this._undo), this._said, this._list, this._more);
    this._search.addEventListener("input", () => this._later());
    store.watch(["hello", "bank", "chosen", "undo"], () => this._showPut());
    store.watch(["audition"], () => this._showAudition());
  }

  /** From the top: the card may be another one. */
  load() {
    return this._load(false);
  }

  _later() {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this.load(), 150);
  }

  async _load(more) {
    const offset = more ? this._entries.length : 0;
    const asked = (this._asked = {});
    const query = new URLSearchParams({ folder: this._folder, search: this._search.value.trim(), offset, limit: PAGE });
    let page;
    try {
      const answer = await fetch(`api/files?${query}`);
      page = await answer.json();
      if (!answer.ok) throw new Error(page.error);
    } catch (error) {
      return setText(this._said, error.message || "The files could not be read.");
    }
    if (asked !== this._asked) return undefined; // a newer search is on its way
    this._entries = more ? [...this._entries, ...page.entries] : page.entries;
    return this._show(page);
  }

  _show({ total }) {
    this._list.replaceChildren(...this._entries.map((entry) => (entry.verdict === "folder" ? this._folderRow(entry) : this._fileRow(entry))));
    setAttribute(this._more, "hidden", this._entries.length >= total);
    setText(this._said, total ? (this._entries.length < total ? `${this._entries.length} of ${total}` : `${total} ${total === 1 ? "entry" : "entries"}`) : "Nothing found.");
    this._showCrumbs();
    this._showAudition();
  }

  _showCrumbs() {
    const parts = this._folder.split("/").filter(Boolean);
    const paths = ["/", ...parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`)];
    this._crumbs.replaceChildren(...paths.map((path, index) => el("button", {
      type: "button", "aria-current": index === paths.length - 1 ? "location" : null, onclick: () => this._enter(path),
    }, index ? parts[index - 1] : "card")));
  }

  _enter(path) {
    this._folder = path;
    this._search.value = "";
    this.load();
  }

  _folderRow(entry) {
    return el("li", {}, el("button", { type: "button", class: "open", onclick: () => this._enter(entry.path) }, `▸ ${entry.name}`));
  }

  _fileRow(entry) {
    const audio = entry.verdict === "accepted" || entry.verdict === "doubtful";
    const play = el("button", { type: "button", class: "hear", "aria-label": `Hear ${entry.name}`, "aria-pressed": "false", onclick: () => this._hear(entry.path) }, "▶");
    const choose = el("button", { type: "button", class: "choose", "aria-pressed": "false", onclick: () => this._choose(entry.path) },
      el("span", { class: "filename" }, this._search.value ? entry.path : entry.name), el("span", { class: "facts" }, facts(entry)));
    const verdict = el("span", { class: "verdict", "data-verdict": entry.verdict }, VERDICTS[entry.verdict] ?? entry.verdict);
    const why = [entry.reason, entry.fix, ...(entry.remarks ?? []).map((remark) => remark.text)].filter(Boolean).map(sentence).join(" ");
    const row = el("li", { "data-path": entry.path }, audio ? play : el("span", { class: "hear" }), choose, verdict, why ? el("p", { class: "why" }, why) : null);
    setAttribute(choose, "disabled", !audio);
    if (audio && this._store.hello?.writable) {
      row.draggable = true;
      row.addEventListener("dragstart", (event) => {
        event.dataTransfer.setData("application/x-benchpad", entry.path);
        event.dataTransfer.effectAllowed = "copy";
      });
    }
    return row;
  }

  _choose(path) {
    this._chosen = this._chosen === path ? null : path;
    this._showPut();
  }

  _hear(path) {
    this._ask({ t: "audition", path: this._store.state.audition?.path === path ? null : path });
  }

  _showAudition() {
    const now = this._store.state.audition?.path;
    for (const row of this._list.children) {
      const button = row.querySelector("button.hear");
      if (!button) continue;
      setAttribute(button, "aria-pressed", String(row.dataset.path === now));
      setText(button, row.dataset.path === now ? "■" : "▶");
    }
  }

  _showPut() {
    const { store, _chosen: path } = { store: this._store, _chosen: this._chosen };
    const writable = store.hello?.writable === true;
    const pad = store.name(store.tag(store.local.chosen));
    for (const row of this._list.children) {
      const choose = row.querySelector(".choose");
      if (choose) setAttribute(choose, "aria-pressed", String(row.dataset.path === path));
    }
    setText(this._put, path ? `Put ${path.split("/").pop()} on ${pad}` : "Choose a file, then a pad");
    setAttribute(this._put, "disabled", !writable || !path);
    setAttribute(this._undo, "disabled", !writable || !(store.state.undo > 0));
    setText(this._undo, store.state.undo > 0 ? `Undo (${store.state.undo})` : "Undo");
  }
}

function facts({ seconds, rate, bits, channels, codec, size: bytes, pads = [] }) {
  const format = rate ? `${rate / 1000} kHz ${bits ? `${bits} bit ` : ""}${codec && codec !== "PCM" ? `${codec} ` : ""}${channels === 1 ? "mono" : channels === 2 ? "stereo" : `${channels} ch`}` : null;
  return [pads.length ? `on ${pads.join(", ")}` : null, seconds ? `${seconds.toFixed(2)} s` : null, format, size(bytes)].filter(Boolean).join(" · ");
}
