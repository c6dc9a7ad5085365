// Yes and no, told apart without looking: two rising short tones, one low buzz.

const YES = [
  { at: 0, hertz: 660, length: 0.09, shape: "sine", loudness: 0.25 },
  { at: 0.11, hertz: 990, length: 0.14, shape: "sine", loudness: 0.25 },
];
const NO = [{ at: 0, hertz: 130, length: 0.45, shape: "square", loudness: 0.15 }];

export class Sounds {
  /** `onChange` is told when the browser lets sound through, or no longer. */
  constructor(onChange) {
    const Context = window.AudioContext ?? window.webkitAudioContext;
    this.context = Context ? new Context() : null;
    if (!this.context) return;
    this.context.addEventListener("statechange", onChange);
    // Browsers keep a page silent until it was touched once.
    for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, () => this.wake());
  }

  get blocked() {
    return this.context !== null && this.context.state !== "running";
  }

  wake() {
    if (this.blocked) this.context.resume().catch(() => undefined);
  }

  play(accepted) {
    if (!this.context || this.blocked) return;
    for (const tone of accepted ? YES : NO) this.tone(tone);
  }

  tone({ at, hertz, length, shape, loudness }) {
    const start = this.context.currentTime + at;
    const voice = this.context.createOscillator();
    const volume = this.context.createGain();
    voice.type = shape;
    voice.frequency.value = hertz;
    // A short fade: a tone cut off clicks.
    volume.gain.setValueAtTime(loudness, start);
    volume.gain.linearRampToValueAtTime(0, start + length);
    voice.connect(volume).connect(this.context.destination);
    voice.start(start);
    voice.stop(start + length);
  }
}
