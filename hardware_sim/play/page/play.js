// The playground's page: what hands can do to two shops. It asks for the state and draws it; nothing is kept here.

const EVERY_MS = 700;
const PARTS = {
  network: ["Réseau", { up: "branché", cut: "coupé" }],
  box: ["Courant de la caisse", { on: "allumée", off: "coupée net" }],
  printer: ["Imprimante", { on: "allumée", off: "éteinte" }],
  paper: ["Papier", { ok: "rouleau neuf", near_end: "presque fini", out: "fini" }],
  cover: ["Capot", { closed: "fermé", open: "ouvert" }],
  scanner: ["Douchette", { plugged: "branchée", unplugged: "débranchée" }],
  camera: ["Caméra", { plugged: "branchée", unplugged: "débranchée" }],
};

const byId = (id) => document.getElementById(id);
const shops = new Map();
let busy = false;
let isLost = false;

function say(text) {
  byId("notice").textContent = text;
}

async function ask(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await reasonOf(response));
}

async function reasonOf(response) {
  return (await response.json().catch(() => ({}))).detail ?? `${response.status}`;
}

async function act(path, body, done) {
  busy = true;
  enable();
  try {
    await ask(path, body);
    say(done);
  } catch (error) {
    say(`Pas possible : ${error.message}`);
  } finally {
    busy = false;
    await refresh();
  }
}

function chosen() {
  return document.querySelector("#wallet input:checked")?.value ?? null;
}

function enable() {
  for (const button of document.querySelectorAll(".hands button")) button.disabled = busy || !chosen();
}

function drawWallet(items) {
  const wallet = byId("wallet");
  const known = new Set([...wallet.querySelectorAll("input")].map((input) => input.value));
  for (const { item, label } of items.filter(({ item }) => !known.has(item))) {
    const choice = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "item", value: item });
    const picture = Object.assign(document.createElement("img"), { src: `/items/${item}.png`, alt: "" });
    choice.append(input, picture, label);
    input.addEventListener("change", enable);
    if (!known.size && !chosen()) input.checked = true;
    wallet.append(choice);
  }
}

function makeShop({ shop, name, counter, parts }) {
  const root = byId("shop").content.firstElementChild.cloneNode(true);
  root.querySelector("h2").textContent = name;
  root.querySelector("iframe").title = `Comptoir : ${name}`;
  root.querySelector("iframe").src = counter;
  root.querySelector(".paper").setAttribute("aria-label", `Tickets : ${name}`);
  root.querySelector(".scan").addEventListener("click", () => act("/v1/scan", { shop, item: chosen() }, `Passé à la douchette : ${name}.`));
  root.querySelector(".film").addEventListener("click", () => {
    const kind = root.querySelector(".kind").value;
    act("/v1/film", { shop, item: chosen(), kind }, `Montré à la caméra : ${name}.`);
  });
  for (const [part, { choices }] of Object.entries(parts)) {
    const [title, words] = PARTS[part];
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.dataset.part = part;
    for (const to of choices) select.append(new Option(words[to], to));
    select.addEventListener("change", () => act("/v1/put", { shop, part, to: select.value }, `${name} – ${title} : ${words[select.value]}.`));
    label.append(title, select);
    root.querySelector(".parts").append(label);
  }
  byId("shops").append(root);
  return root;
}

function drawShop(state) {
  const root = shops.get(state.shop) ?? makeShop(state);
  shops.set(state.shop, root);
  for (const [part, { is, choices }] of Object.entries(state.parts)) {
    const select = root.querySelector(`select[data-part="${part}"]`);
    if (document.activeElement !== select) select.value = is;
    select.classList.toggle("pulled", is !== choices[0]);
  }
  const paper = root.querySelector(".paper");
  for (const { number } of state.receipts.slice(paper.querySelectorAll("img").length)) {
    const image = document.createElement("img");
    image.src = `/shops/${state.shop}/receipts/${number}.png`;
    image.alt = `Ticket ${number}`;
    paper.prepend(image);
  }
  if (!state.receipts.length && !paper.firstChild) {
    paper.append(Object.assign(document.createElement("p"), { textContent: "Rien n'est sorti de l'imprimante." }));
  }
  if (state.receipts.length) paper.querySelector("p")?.remove();
}

async function refresh() {
  const response = await fetch("/v1/state", { cache: "no-store" }).catch(() => null);
  if (!response?.ok) {
    isLost = true;
    say(response ? `Pas possible : ${await reasonOf(response)}` : "Le terrain de jeu ne répond plus : relancez make play.");
    return;
  }
  if (isLost) say("");
  isLost = false;
  const state = await response.json();
  byId("office").href = state.office;
  byId("passphrase").textContent = state.passphrase;
  drawWallet(state.items);
  for (const shop of state.shops) drawShop(shop);
  enable();
}

async function follow() {
  for (;;) {
    if (!busy && !document.hidden) await refresh();
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

follow();
