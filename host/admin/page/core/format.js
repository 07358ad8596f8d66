// Numbers, times and sizes for people.

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const time = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function count(value) {
  return value === null || value === undefined ? "–" : number.format(value);
}

/** Records a second. */
export function rate(value) {
  return `${value > 0 && value < 0.1 ? "<0.1" : value >= 10_000 ? short.format(value) : number.format(value)}/s`;
}

export function bytes(value) {
  if (value < 1024) return `${value} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const step = Math.min(Math.floor(Math.log2(value) / 10), units.length);
  return `${number.format(value / 1024 ** step)} ${units[step - 1]}`;
}

export function milliseconds(value) {
  return value < 1000 ? `${number.format(value)} ms` : seconds(value / 1000);
}

export function seconds(value) {
  if (value < 60) return `${number.format(value)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
}

export function nanoseconds(value) {
  if (value < 1000) return `${number.format(value)} ns`;
  return value < 1e6 ? `${number.format(value / 1000)} µs` : milliseconds(value / 1e6);
}

/** A share from 0 to 1. */
export function percent(share) {
  return `${share > 0 && share < 0.001 ? "<0.1" : number.format(share * 100)} %`;
}

/** A moment, as the clock here has it. */
export function moment(ns) {
  return ns ? time.format(new Date(ns / 1e6)) : "–";
}

export function momentOf(text) {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : time.format(at);
}

/** A value with the unit of a limit. */
export function inUnit(value, unit) {
  if (unit === "bytes") return bytes(value);
  return unit === "milliseconds" ? milliseconds(value) : `${number.format(value)} ${unit}`;
}

/** `1 record`, `2 records`. */
export function plural(value, one, many = `${one}s`) {
  return `${number.format(value)} ${value === 1 ? one : many}`;
}
