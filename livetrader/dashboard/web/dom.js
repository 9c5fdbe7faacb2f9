// What the page looks like is a value: a tree of nodes made by h(). patch() changes the document until it
// looks like that tree, and touches nothing else: focus, selection and scroll positions stay.
//
// Text only ever becomes text: nothing here (or elsewhere) turns a string into markup.

const SVG = "http://www.w3.org/2000/svg";

// Makes a node. `props`: attributes; functions named on… are listeners; `class`, `value`, `checked` as ever;
// `style` is an object of CSS properties; `key` tells siblings apart when they move.
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: flat(children, []), key: props?.key };
}

// Makes an element that looks after itself: `make()` returns it once, `update(element)` is called at every
// patch. `key` says when it is another one.
export function widget(key, make, update) {
  return { widget: true, tag: "#widget", key, make, update, props: {}, children: [] };
}

function flat(children, into) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child !== null && child !== undefined && child !== false && child !== true) {
      into.push(typeof child === "object" ? child : String(child));
    }
  }
  return into;
}

const known = new WeakMap(); // element → the node it was made from

// Changes the children of `parent` until they look like `nodes`.
export function patch(parent, ...nodes) {
  patchChildren(parent, flat(nodes, []));
}

function patchChildren(parent, nodes) {
  const keyed = new Map();
  for (const element of parent.childNodes) {
    const key = known.get(element)?.key;
    if (key !== undefined) keyed.set(key, element);
  }
  const wanted = new Set(nodes.map((node) => node.key));
  const gone = (element) => {
    const key = element && known.get(element)?.key;
    return key !== undefined && key !== null && !wanted.has(key);
  };
  let next = parent.firstChild;
  for (const node of nodes) {
    // what leaves goes first, so that what stays need not move: a moved element loses the focus
    while (next && gone(next)) next = removed(next);
    let found = null;
    if (typeof node === "string") {
      if (next?.nodeType === Node.TEXT_NODE) found = next;
    } else if (node.key !== undefined) {
      const same = keyed.get(node.key);
      if (same && fits(same, node)) found = same;
    } else if (next && fits(next, node) && known.get(next)?.key === undefined) found = next;
    if (found === null) {
      parent.insertBefore(make(node, parent), next);
      continue;
    }
    if (found === next) next = next.nextSibling;
    else parent.insertBefore(found, next);
    if (typeof node === "string") {
      if (found.data !== node) found.data = node;
    } else update(found, node);
  }
  while (next) next = removed(next);
}

// Takes an element away and returns the one after it.
function removed(element) {
  const next = element.nextSibling;
  element.remove();
  return next;
}

function fits(element, node) {
  const old = known.get(element);
  return old !== undefined && old.tag === node.tag && old.key === node.key;
}

function make(node, parent) {
  if (typeof node === "string") return document.createTextNode(node);
  if (node.widget) {
    const element = node.make();
    known.set(element, node);
    node.update(element);
    return element;
  }
  const inside = parent.namespaceURI === SVG && parent.localName !== "foreignObject";
  const element =
    node.tag === "svg" || inside ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  known.set(element, { tag: node.tag, key: node.key, props: {} });
  update(element, node);
  return element;
}

function update(element, node) {
  const old = known.get(element);
  known.set(element, node);
  if (node.widget) {
    node.update(element);
    return;
  }
  for (const name of Object.keys(old.props)) {
    if (!(name in node.props)) set(element, name, undefined, old.props[name]);
  }
  for (const [name, value] of Object.entries(node.props)) {
    if (value !== old.props[name]) set(element, name, value, old.props[name]);
  }
  patchChildren(element, node.children);
}

function set(element, name, value, before) {
  if (name === "key") return;
  if (name.startsWith("on")) {
    listen(element, name.slice(2), value);
  } else if (name === "style") {
    for (const property of Object.keys(before ?? {})) {
      if (!(property in (value ?? {}))) element.style.removeProperty(property);
    }
    for (const [property, text] of Object.entries(value ?? {})) element.style.setProperty(property, text);
  } else if (name === "value" || name === "checked" || name === "indeterminate") {
    if (element[name] !== value) element[name] = value ?? "";
  } else if (value === undefined || value === null || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? "" : value);
  }
}

const listeners = new WeakMap(); // element → { event: function of the last patch }

function listen(element, event, handler) {
  const own = listeners.get(element) ?? {};
  listeners.set(element, own);
  if (!(event in own)) element.addEventListener(event, (happened) => own[event]?.(happened));
  own[event] = handler;
}
