// Small help with elements. Text is only ever set as text: HTML in a name stays visible as what it is.

export const byId = (id) => document.getElementById(id);

/** An element with a class and children; strings become text, nothing for null and "". */
export function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** Set a text only when it differs: screen readers speak what changes. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Build a list anew only when what it shows has changed; the focus and what is unfolded stay as they are. */
export function fill(container, shown, build) {
  const key = JSON.stringify(shown);
  if (container.dataset.shown === key) return;
  container.dataset.shown = key;
  const focused = container.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
  const unfolded = [...container.querySelectorAll("details[open][data-id]")].map((element) => element.dataset.id);
  container.replaceChildren(...build().filter((child) => child !== null && child !== ""));
  for (const id of unfolded) find(container, id)?.setAttribute("open", "");
  if (focused !== undefined) find(container, focused)?.focus();
}

const find = (container, id) => container.querySelector(`[data-id="${CSS.escape(id)}"]`);
