// What a person who doesn't look at the screen must hear of, beside reads and results, which are told for themselves.

import { deviceName } from "./labels.js";

/** The sentences that are new between two states of one language. `back`: the box couldn't be reached between them. */
export function news(before, screen, back, say) {
  const said = [];
  if (before.training !== screen.training) said.push(say(screen.training ? "training.banner" : "training.real"));
  if (back || before.connection.up !== screen.connection.up) said.push(screen.connection.message);
  for (const device of screen.devices) {
    const was = before.devices.find(({ name }) => name === device.name) ?? { ready: true };
    const same = device.ready ? was.ready : was.message === device.message;
    if (!same) said.push(`${deviceName(device, screen.devices, say)} – ${device.message}`);
  }
  const asked = new Set(before.prints.filter(({ asks }) => asks).map(({ job }) => job));
  return [...said, ...screen.prints.filter(({ asks, job }) => asks && !asked.has(job)).map(({ message }) => message)];
}
