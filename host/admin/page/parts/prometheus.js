// Reads Prometheus's text format, as far as the host writes it.

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Metrics with their meaning and samples, in the order of the text. */
export function parseMetrics(text) {
  const families = new Map();
  const of = (name) => {
    if (!families.has(name)) families.set(name, { name, help: "", type: "", samples: [] });
    return families.get(name);
  };
  for (const line of text.split("\n")) {
    const [, about, name, words] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (about === "HELP") of(name).help = words;
    else if (about === "TYPE") of(name).type = words;
    else {
      const [, metric, labels = "", value] = SAMPLE.exec(line) ?? [];
      if (metric) of(metric).samples.push({ labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, key, label]) => [key, label])), value: Number(value) });
    }
  }
  return [...families.values()].filter((family) => family.samples.length);
}
