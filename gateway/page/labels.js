// Names of days and devices, for people.

/** A calendar day in words. */
export function day(date, language, form) {
  return new Intl.DateTimeFormat(language, { ...form, timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));
}

/** The day of an instant, on this screen's own clock. */
export function dateOf(instant, language) {
  return new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(new Date(instant));
}

/** "Imprimante"; with its own name only where there are several. */
export function deviceName({ kind, name }, devices, say) {
  const alone = devices.filter((device) => device.kind === kind).length === 1;
  return alone ? say(`device.${kind}`) : `${say(`device.${kind}`)} ${name}`;
}
