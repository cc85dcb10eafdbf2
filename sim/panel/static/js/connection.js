// The WebSocket: opens it, opens it again when it is lost, and says what is the matter.

const WAITS_MS = [200, 400, 800, 1500, 3000];
const REFUSED_WAIT_MS = 3000;
const SILENT_MS = 6000; // without any message, not even a pong

/**
 * Calls `on.message(object)`, `on.audio(ArrayBuffer)` and `on.status(kind, text)`, where kind is
 * "online", "waiting" (it is tried again) or "refused" (the token is wrong; tried again now and then).
 */
export class Connection {
  constructor(on) {
    this._on = on;
    this._socket = null;
    this._tries = 0;
    this._next = 1;
    this._waiting = new Map(); // id -> {resolve, reject}
    this._heard = 0;
    this.online = false; // greeted, and not lost since
    setInterval(() => this._ping(), 2000);
  }

  open() {
    const base = new URL("ws", document.baseURI);
    base.protocol = base.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(base);
    socket.binaryType = "arraybuffer";
    this._socket = socket;
    socket.addEventListener("message", (event) => this._take(event.data));
    socket.addEventListener("close", (event) => this._closed(socket, event));
  }

  /** Sends now, or not at all: a pad pressed while there is no connection must not sound later. */
  send(message) {
    if (!this.online || this._socket?.readyState !== WebSocket.OPEN) return false;
    this._socket.send(JSON.stringify(message));
    return true;
  }

  /** Sends, and promises the answer; an error answer rejects with its sentence. */
  ask(message) {
    const id = this._next++;
    return new Promise((resolve, reject) => {
      this._waiting.set(id, { resolve, reject });
      if (!this.send({ ...message, id })) this._answer(id, { t: "error", text: "There is no connection." });
    });
  }

  _greeted() {
    this._tries = 0;
    this.online = true;
    this._on.status("online", "");
  }

  _take(data) {
    this._heard = performance.now();
    if (data instanceof ArrayBuffer) return this._on.audio(data);
    const message = JSON.parse(data);
    if (message.t === "hello" && !this.online) this._greeted();
    if (message.id !== undefined) this._answer(message.id, message);
    else this._on.message(message);
    return undefined;
  }

  _answer(id, message) {
    const waiting = this._waiting.get(id);
    this._waiting.delete(id);
    if (message.t === "error") waiting?.reject(new Error(message.text));
    else waiting?.resolve(message);
  }

  _closed(socket, event) {
    if (socket !== this._socket) return;
    this._socket = null;
    this.online = false;
    for (const id of [...this._waiting.keys()]) this._answer(id, { t: "error", text: "The connection was lost." });
    this._explain(event);
  }

  /** A browser does not tell a page why a WebSocket was refused; a plain request does. */
  async _explain(event) {
    let status = 0;
    try {
      status = (await fetch("api/status", { cache: "no-store" })).status;
    } catch {
      // Nobody answers: the program is not there, or not yet.
    }
    const wait = WAITS_MS[Math.min(this._tries++, WAITS_MS.length - 1)];
    if (status === 403) {
      this._on.status("refused", "This page's token is not the program's (it has a new one with every start). Open the address that benchpad play printed.");
      setTimeout(() => this.open(), REFUSED_WAIT_MS);
    } else if (event.code === 1013) {
      this._on.status("waiting", "Too many pages are open on this program; trying again.");
      setTimeout(() => this.open(), REFUSED_WAIT_MS);
    } else {
      this._on.status("waiting", status ? "The connection was lost; trying again." : "The program does not answer; trying again until it is back.");
      setTimeout(() => this.open(), wait);
    }
  }

  /** Finds out about a connection that died without a word. */
  _ping() {
    if (!this.online) return;
    if (performance.now() - this._heard > SILENT_MS && !document.hidden) this._socket.close();
    else this.ask({ t: "ping" }).then((pong) => this._on.pong?.(pong), () => {});
  }
}
