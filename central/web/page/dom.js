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

/** The same for each of many: whatever shows the same as before stays; items are {id, shown, build}. */
export function fillEach(container, items) {
  const before = new Map([...container.children].map((element) => [element.dataset.id, element]));
  const elements = items.map(({ id, shown, build }) => {
    const key = JSON.stringify(shown);
    const known = before.get(id);
    if (known?.dataset.shown === key) return known;
    const element = build();
    Object.assign(element.dataset, { id, shown: key });
    return element;
  });
  const isSame = elements.length === container.children.length && elements.every((element, index) => element === container.children[index]);
  if (!isSame) container.replaceChildren(...elements);
}

const find = (container, id) => container.querySelector(`[data-id="${CSS.escape(id)}"]`);
