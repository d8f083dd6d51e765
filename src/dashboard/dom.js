// Makes elements. Texts only ever become text nodes and attributes: what a tenant wrote is data, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** el("button", {type: "button", onclick: f}, "End"): an element with attributes, listeners and children. */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** Sets a text where it is another: unchanged text nodes keep selections and spare screen readers. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A short word to the user, which goes by itself; errors stay longer. */
export function notify(text, isError = false) {
  const notice = el("p", { class: isError ? "notice error" : "notice" }, text);
  document.getElementById("notices").append(notice);
  setTimeout(() => notice.remove(), isError ? 12000 : 5000);
}
