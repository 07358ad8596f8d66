// Beginnings of grammars that use a module of the library.

/** The patterns, and the functions that make some, which a module has: those that its head explains come first. */
export function exportsOf(text) {
  const made = [...text.matchAll(/^(?:function )?M\.(\w+)/gm)].map(([, name]) => name);
  const head = /^--\[\[([\s\S]*?)\]\]/.exec(text)?.[1] ?? /^(?:--.*\n)+/.exec(text)?.[0] ?? "";
  const known = [...new Set(made)].filter((name) => /grammar|items|^[a-z0-9_]+$/.test(name) && !/^(version|metatables)$/.test(name));
  const rank = (name) => (head.includes(`\`${name}`) ? 0 : 1);
  return known.sort((a, b) => rank(a) - rank(b));
}

/** A script that tries one of them. */
export function startWith(module, name, text) {
  const isFunction = new RegExp(`^(function M\\.${name}\\b|M\\.${name} = function)`, "m").test(text);
  const arguments_ = new RegExp(`\`${name}\\(([^)]*)\\)`).exec(text)?.[1] ?? new RegExp(`function M\\.${name}\\(([^)]*)\\)`).exec(text)?.[1] ?? "";
  const said = arguments_ ? `  -- ${arguments_}` : "";
  const given = arguments_ && !arguments_.startsWith("[") ? '"combined"' : "";
  const head = `local ${safe(module)} = require "${module}"\n\n`;
  if (isFunction && /items$/.test(name)) return `${head}declare_grammar {type = "mine", alternatives = ${safe(module)}.${name}(${given})}${said}\n`;
  if (isFunction) return `${head}return ${safe(module)}.${name}(${given})${said}\n`;
  return `${head}return ${safe(module)}.${name}\n`;
}

function safe(module) {
  return module.split(".").at(-1).replace(/\W/g, "_");
}
