// What a camera sees, for who aims it. The box films for this window only while it is open.

import { byId, show, write } from "./dom.js";
import { deviceName } from "./labels.js";

export class Camera {
  #windows;
  #name = "";
  #failed = false;

  /** `changed` is called when the picture can't be shown. */
  constructor(windows, changed) {
    this.#windows = windows;
    byId("camera").addEventListener("close", () => {
      this.#name = "";
      this.#look(false);
    });
    byId("camera-film").addEventListener("error", () => {
      this.#failed = true;
      changed();
    });
  }

  open(name) {
    this.#name = name;
    this.#failed = false;
    this.#windows.show("camera");
  }

  /** `up`: the box can be reached. */
  draw(screen, up, say) {
    const device = screen.devices.find(({ name }) => name === this.#name);
    if (!device) return;
    const ready = up && device.ready;
    // One that comes back is looked through again.
    if (!ready) this.#failed = false;
    this.#look(ready && !this.#failed);
    byId("camera-film").alt = say("camera.alt");
    write(byId("camera-title"), deviceName(device, screen.devices, say));
    write(byId("camera-notice"), this.#failed ? say("camera.failed") : device.ready ? "" : device.message);
  }

  #look(seen) {
    const film = byId("camera-film");
    show(film, seen);
    if (!seen) film.removeAttribute("src");
    else if (!film.hasAttribute("src")) film.src = `/v1/cameras/${this.#name}/preview`;
  }
}
