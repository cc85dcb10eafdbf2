// A busy moment, for pictures and checks: every light, many voices, an alert, something in every box.
() => {
  const { store } = benchpad;
  const NAMES = ["kick", "snare", "hat closed", "break amen", "broken", "vox chop", "pad warm", "bass", "", "", "rim", "perc",
    "", "stab", "fx riser", ""];
  const FILES = ["01 kick", "02 snare", "03 hat", "04 loop"].map((name) => `/A/${name}.wav`);
  const LIGHTS = ["playing", "streaming", "resident", "silent", "refused", "resident", "streaming", "playing"];
  store.takeSlots(NAMES.map((sample, tag) => ({
    tag, bank: 0, pad: tag + 1, name: `A${tag + 1}`, sample, path: sample && FILES[tag % 4], seconds: 1.2 + tag,
    verdict: tag === 4 ? "refused" : "accepted", reason: tag === 4 ? "the file ends inside its header" : "",
    modes: { loop: tag === 1, reverse: false, gate: true, hold: false, mute: tag === 2, pin: tag === 3 },
  })).map((slot) => (slot.path ? slot : { tag: slot.tag })));
  const voice = (index) => [[0, 1, 6, 7][index % 4], index === 5 ? "silent" : "playing",
    index % 4 === 0 ? null : index === 5 ? 0 : 40 + index * 37, (index * 0.13) % 1, 0.5];
  store.takeState({
    pads: Object.fromEntries(NAMES.map((name, tag) => [tag, name ? LIGHTS[tag % 8] : "empty"])),
    voices: Array.from({ length: 24 }, (_, index) => voice(index)), levels: [0.6, 0.4], underruns: 3,
    cache: { pool_bytes: 16777216, resident_bytes: 11500000, pinned_bytes: 2300000, hit_rate: 0.973 },
    card: { in: true, name: "kit.img", preset: "class10", busy: 0.64, mirror: "ready" }, latency_ms: 5.33,
    audio: { xruns: 0, late_blocks: 0, frames_lost: 0, p50: 41, p99: 60, p999: 88 },
    alert: { frame: 1, cause: "bandwidth", heard: true,
      text: "streaming cannot keep up: the card delivers 4.1 MB/s, 24 voices ask for 5.2 MB/s",
      advice: "Use a faster card, or play at most 18 voices at once." },
    tempo: { bpm: 120, running: true, source: "internal" }, midi: { ports: ["Benchpad", "Keys"], messages: 1234 }, undo: 2,
    stress: { run: 1, running: false, done: 1, text: "18 voices stream without an underrun.", report: "/api/stress/1" },
    learnt: { "pad A1": "note 36 on any channel", "knob volume": "controller 21" },
  });
}
