// Amounts as text and whole cents: no floating point comes near money, and the box parses what was typed.

const TYPED = /^(\d{1,7})(?:[.,](\d{0,2}))?$/;
const SIGNS = { EUR: "€" };

/** Only what may stand in an amount, with one separator and two decimals at most. */
export function tidy(text, separator = ",") {
  const [whole, ...rest] = text.replace(/[^\d.,]/g, "").replace(/\./g, ",").split(",");
  const digits = whole.replace(/^0+(?=\d)/, "").slice(0, 7);
  return rest.length ? `${digits || "0"}${separator}${rest.join("").slice(0, 2)}` : digits;
}

/** What is sent to the box, "23,50"; null while it is no amount above zero. */
export function sendable(text) {
  const match = TYPED.exec(text);
  if (!match || !/[1-9]/.test(text)) return null;
  return `${match[1]},${(match[2] ?? "").padEnd(2, "0")}`;
}

/** "23,50" as people of a language write it: "23,50 €", "€23.50". */
export function spoken(amount, currency, language) {
  const [whole, cents] = amount.split(",");
  const sign = SIGNS[currency] ?? currency;
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, language === "fr" ? "\u00a0" : ",");
  return language === "fr" ? `${grouped},${cents}\u00a0${sign}` : `${sign}${grouped}.${cents}`;
}

/** Whole cents, as the box counts them, in the form of `sendable`. */
export function fromMinor(minor) {
  const digits = String(minor).padStart(3, "0");
  return `${digits.slice(0, -2)},${digits.slice(-2)}`;
}
