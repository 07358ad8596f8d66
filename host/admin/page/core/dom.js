// Makes elements. Text is always text: nothing in the page is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 *
 * `properties` are attributes; `on` maps names of events to functions. True stands for an attribute without a value,
 * and false, null and undefined leave it out. Children may be nodes, text, numbers, or lists of these.
 */
export function h(tag, properties = {}, ...children) {
  return furnish(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), properties, children);
}

function furnish(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Put other children into an element. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/** Change a text only if it is another one, so that screen readers are not told the same again. */
export function setText(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** A name that no other element has. */
let made = 0;
export function uniqueId(prefix = "id") {
  made += 1;
  return `${prefix}-${made}`;
}
