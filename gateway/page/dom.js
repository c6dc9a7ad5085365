// Small help with elements. Text is only ever set as text: HTML in a code or a name stays visible as what it is.

export const byId = (id) => document.getElementById(id);

/** An element with properties (`data` becomes data- attributes, `aria` and others attributes) and children. */
export function make(tag, { data = {}, attributes = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Set a text, only when it differs: screen readers speak what changes. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show or hide; with a text: show it, hide an empty one. */
export function show(element, visible, text) {
  element.hidden = !visible;
  if (text !== undefined) write(element, text);
}

/** Rebuild a list only when what it shows has changed, and leave the focus where it was. */
export function fill(container, shown, build) {
  const key = JSON.stringify(shown);
  if (container.dataset.shown === key) return;
  container.dataset.shown = key;
  const focused = container.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
  container.replaceChildren(...build());
  if (focused !== undefined) container.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

/** Recorded, sent, booked: three plain steps. */
export function fillSteps(list, stage, say) {
  const order = ["recorded", "sent", "booked"];
  const reached = order.indexOf(stage);
  fill(list, [stage, say("step.done")], () =>
    order.map((name, place) => {
      const done = place <= reached;
      return make(
        "li",
        { className: done ? "done" : "waiting" },
        make("span", { className: "mark", attributes: { "aria-hidden": "true" } }, done ? "✓" : "·"),
        make("span", {}, say(`step.${name}`), make("span", { className: "heard" }, ` (${say(done ? "step.done" : "step.waiting")})`)),
      );
    }),
  );
}
