// Everything beside the counter: operations, prints, the vouchers to sell, the day, the box.

import { byId, fill, make, show, write } from "./dom.js";
import { day, deviceName } from "./labels.js";
import { fromMinor, spoken } from "./money.js";

/** The last operations; each opens its own window. */
export function drawOperations(screen, say) {
  show(byId("operations-none"), screen.operations.length === 0);
  fill(byId("operations-list"), [screen.operations, screen.language], () =>
    screen.operations.map((operation) => {
      const flags = [operation.voided && say("operations.voided"), operation.training && say("operations.training")].filter(Boolean);
      return make(
        "li",
        { className: operation.voided ? "voided" : "" },
        make(
          "button",
          { type: "button", data: { id: operation.event_id, operation: operation.event_id } },
          make("span", { className: "line" }, make("span", {}, `${operation.time} · ${say(`kind.${operation.kind}`)}`), make("strong", {}, operation.amount ?? "")),
          make(
            "span",
            { className: "line soft" },
            make("span", {}, operation.programme_name ?? ""),
            make("span", { className: flags.length ? "" : `stage ${operation.stage}` }, flags.length ? flags.join(" · ") : say(`step.${operation.stage}`)),
          ),
        ),
      );
    }),
  );
}

/** Prints that wait for the printer or for a person. Tells whether they came or went. */
export function drawPrints(screen, say) {
  const { prints } = screen;
  const moves = byId("prints").hidden === prints.length > 0;
  show(byId("prints"), prints.length > 0);
  fill(byId("prints"), [prints, screen.language], () =>
    prints.map((print) => {
      const operation = screen.operations.find(({ event_id }) => event_id === print.event_id);
      const what = operation ? `${operation.time} · ${operation.amount ?? ""}` : "";
      const answer = (printed) =>
        make("button", { type: "button", data: { act: "", print: print.job, printed, id: `${print.job}-${printed}` } }, say(printed ? "yes" : "no"));
      return make(
        "div",
        { className: `print ${print.state}` },
        make("p", {}, make("strong", {}, print.message), what ? make("span", { className: "soft" }, ` ${what}`) : null),
        print.asks ? make("div", { className: "pair" }, answer(true), answer(false)) : null,
      );
    }),
  );
  return moves;
}

/** Vouchers on consignment, as choices: {programme, face_minor, shown, left}. */
export function stock(screen) {
  return screen.programmes
    .filter((programme) => programme.kind === "voucher")
    .flatMap((programme) =>
      Object.entries(programme.consigned)
        .filter(([, left]) => left > 0)
        .map(([face, left]) => ({
          programme: programme.id,
          name: programme.name,
          face_minor: Number.parseInt(face, 10),
          shown: spoken(fromMinor(Number.parseInt(face, 10)), programme.currency, screen.language),
          left,
        })),
    );
}

export const choiceId = (choice) => `${choice.programme} ${choice.face_minor}`;

/** The values to choose from; where there is one, it is chosen. */
export function drawSell(screen, chosen, say) {
  const choices = stock(screen);
  show(byId("sell-none"), choices.length === 0);
  show(byId("sell-ok"), choices.length > 0);
  const programmes = [...new Map(choices.map((choice) => [choice.programme, choice.name]))];
  fill(byId("sell-choices"), [choices, screen.language], () =>
    programmes.map(([programme, name]) =>
      make(
        "fieldset",
        {},
        make("legend", {}, `${name} – ${say("sell.choose")}`),
        ...choices.filter((choice) => choice.programme === programme).map((choice) => tile(choice, say)),
      ),
    ),
  );
  for (const radio of byId("sell-choices").querySelectorAll("input")) radio.checked = radio.value === chosen;
  const choice = choices.find((one) => choiceId(one) === chosen);
  write(byId("sell-ok"), choice ? say("sell.ok", { amount: choice.shown }) : say("sell.empty"));
  byId("sell-ok").dataset.idle = String(!choice);
}

function tile(choice, say) {
  const value = choiceId(choice);
  return make(
    "label",
    { className: "tile" },
    make("input", { type: "radio", name: "face", value, data: { id: value } }),
    make("strong", {}, choice.shown),
    make("span", { className: "soft" }, say("sell.left", { count: choice.left })),
  );
}

export function drawDay(screen, say) {
  const { totals } = screen;
  const date = day(totals.business_day, screen.language, { weekday: "long", day: "numeric", month: "long" });
  write(byId("day-title"), `${say("day.title")} – ${date}`);
  fill(byId("day-totals"), [totals, screen.language], () =>
    [{ label: say("day.count"), amount: String(totals.count) }, ...totals.rows].map((row) =>
      make("div", {}, make("dt", {}, row.label), make("dd", {}, row.amount)),
    ),
  );
  write(byId("day-owed"), totals.owed.amount);
  write(byId("day-owed-message"), totals.owed.message);
  byId("day-close").dataset.idle = String(!totals.closable);
  show(byId("day-nothing"), !totals.closable);
}

export function drawBox(screen, say) {
  const connection = byId("box-connection");
  connection.className = screen.connection.up ? "dot good" : "dot waiting";
  write(connection, [screen.connection.message, screen.queue.message].filter(Boolean).join(" "));
  fill(byId("box-devices"), [screen.devices, screen.language], () =>
    screen.devices.length
      ? screen.devices.map((device) =>
          make(
            "li",
            { className: device.ready ? "dot good" : "dot bad" },
            make(
              "span",
              {},
              make("strong", {}, deviceName(device, screen.devices, say)),
              make("span", { className: "heard" }, ` (${say(device.ready ? "device.ready" : "device.trouble")})`),
              ` – ${device.message}`,
            ),
            device.kind === "camera" ? make("button", { type: "button", data: { camera: device.name, id: device.name } }, say("camera.look")) : null,
          ),
        )
      : [make("li", {}, say("box.none"))],
  );
  write(byId("training-switch"), say(screen.training ? "training.off" : "training.on"));
}
