// Reads the text of a circular buffer: a line of JSON, then a line for each row. See sandbox_stdlib/circular_buffer_text.lua.

/** The buffer; null if the text is none. */
export function parseCbuf(text) {
  const [head, ...lines] = text.trimEnd().split("\n");
  let header;
  try {
    header = JSON.parse(head);
  } catch {
    return null;
  }
  if (!Array.isArray(header.column_info)) return null;
  const rows = lines.map((line) => line.split("\t").map(cell));
  return {
    secondsPerRow: header.seconds_per_row,
    times: rows.map((_, place) => header.time + place * header.seconds_per_row),
    columns: header.column_info.map(({ name, unit, aggregation }, place) => ({
      name, unit, aggregation, values: rows.map((row) => row[place] ?? null),
    })),
    annotations: (header.annotations ?? []).map(({ x, col, shortText, text: words }) => ({
      time: x / 1000, column: col - 1, type: shortText.toLowerCase() === "a" ? "alert" : "info", text: words,
    })),
  };
}

function cell(text) {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
