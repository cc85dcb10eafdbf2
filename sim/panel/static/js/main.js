// Wires the page: the one module that knows all others.

import { Listening } from "./audio.js";
import { alerts, Events } from "./alerts.js";
import { CardInfo } from "./cardinfo.js";
import { Connection } from "./connection.js";
import { banks, display, modes, transport } from "./device.js";
import { $, announce, setAttribute, setText } from "./dom.js";
import { faults } from "./faults.js";
import { Files } from "./files.js";
import { Hands } from "./hands.js";
import { help } from "./help.js";
import { Keys, keyLabels } from "./keys.js";
import { Knobs } from "./knobs.js";
import { Meters } from "./meters.js";
import { Midi } from "./midi.js";
import { Pads } from "./pads.js";
import { Peaks } from "./peaks.js";
import { settings } from "./settings.js";
import { Store } from "./store.js";
import { stress } from "./stress.js";
import { theme, views } from "./theme.js";
import { tiles } from "./tiles.js";
import { Timeline } from "./timeline.js";
import { voices } from "./voices.js";

const store = new Store();
const peaks = new Peaks();
const connection = new Connection({ message: take, audio: (buffer) => listening.take(buffer), status: tell });
const send = (message) => connection.send(message);
const hands = new Hands(connection, store);
const labels = await keyLabels();

/** Sends what may be refused, and says why. */
async function ask(message) {
  try {
    await connection.ask(message);
    return true;
  } catch (error) {
    say(error.message);
    return false;
  }
}

async function assign(path, pad) {
  if (!store.hello.writable) return say("The card was opened for reading only. Start with --writable to change it.");
  const name = store.name(store.tag(pad));
  if (await ask({ t: "assign", path, bank: store.bank, pad })) {
    announce(`${path.split("/").pop()} is on ${name} now.`);
    files.load();
  }
  return undefined;
}

const choose = (bank) => send({ t: "bank", bank }) && store.expectBank(bank);
const step = (by) => {
  const count = store.hello?.banks.length ?? 1;
  choose((store.bank + by + count) % count);
};
const play = () => store.hello?.transport && send({ t: "transport", do: store.state.tempo?.running ? "stop" : "start" });
const panic = () => send({ t: "panic" }) && announce("All falls silent.");
const keys = new Keys({
  press: (holder, pad, velocity) => pad <= (store.hello?.per_bank ?? 16) && hands.press(holder, pad, velocity),
  release: (holder) => hands.release(holder),
  bank: step, play, panic,
});
$("panic").addEventListener("click", panic);

const midi = new Midi($("midi"), { store, send, ask, say });
hands.intercept = (pad) => midi.pick({ kind: "pad", bank: store.bank, pad });
new Pads($("pads"), { store, hands, peaks, labels, onassign: assign });
display($("display"), { store, peaks });
new Meters($("meters"), { store });
new Knobs($("knobs"), { store, send, onpick: (name) => midi.pick({ kind: "knob", name }) });
banks($("banks"), { store, choose });
modes($("modes"), { store, send: ask });
transport($("transport"), { store, send: ask });
help($("help"), { keys, labels });
alerts($("alert"), { store });
tiles($("tiles"), { store });
const timeline = new Timeline($("timeline"), { store });
faults($("faults"), { store, ask });
settings($("settings"), { store, ask });
const listening = new Listening($("listen"), { store, send, say });
stress($("stress"), { store, ask });
voices($("voices"), { store });
const events = new Events($("events"), { store });
const cardInfo = new CardInfo($("cardinfo"), { store });
const files = new Files($("files"), { store, ask, assign });
theme(() => timeline.recolour());
views();

function take(message) {
  if (message.t === "hello") greet(message);
  else if (message.t === "state") store.takeState(message);
  else if (message.t === "pads") store.takeSlots(message.pads);
  else if (message.t === "event") happen(message);
  else if (message.t === "error") say(message.text);
  else if (message.t === "bye") say(message.text);
}

function greet(hello) {
  store.takeHello(hello);
  setText($("what"), `${hello.title} · ${hello.card}${hello.writable ? "" : " (read only)"}`);
  document.title = `${hello.card} · Benchpad`;
  cardInfo.load();
  files.load();
  listening.resume();
}

function happen(event) {
  events.take(event);
  timeline.take(event);
}

/** One sentence for everybody: on the banner for those who see, in a live region for those who listen. */
function say(text) {
  show(text, "said");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => connection.online && hide(), 8000);
}

function show(text, kind) {
  setText($("banner"), text);
  setAttribute($("banner"), "data-kind", kind);
  $("banner").hidden = false;
}

function hide() {
  $("banner").hidden = true;
}

let wasOnline = false;

function tell(kind, text) {
  const online = kind === "online";
  store.set("online", online);
  document.body.classList.toggle("offline", !online);
  if (!online) {
    hands.forget();
    peaks.clear();
    events.clear();
    store.takeState({ levels: [0, 0], voices: [], pads: null });
    show(text, kind);
  } else if (wasOnline) {
    hide();
    announce("Connected again.");
  } else hide();
  wasOnline ||= online;
}

/** For the tests: what a person reads off the page, without parsing it. */
globalThis.benchpad = { store, connection, listening, hands };

// The token has become a cookie: it need not stand in the address bar, where it could be copied along.
if (location.search) history.replaceState(null, "", location.pathname);
connection.open();
