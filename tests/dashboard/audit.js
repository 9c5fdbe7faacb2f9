// What anybody can check of a page without a person: names, landmarks, contrast, width. Returns sentences.
() => {
  const found = [];
  const visible = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const unseen = (element) => element.closest(".unseen") !== null;
  const what = (element) => `<${element.localName} class="${element.getAttribute("class") ?? ""}"> ${(element.textContent ?? "").trim().slice(0, 40)}`;

  // -- structure
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((each) => each === id).length > 1) found.push(`the id ${id} is there twice`);
  for (const name of ["aria-labelledby", "aria-controls", "aria-describedby"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      for (const id of element.getAttribute(name).split(/\s+/)) if (!document.getElementById(id)) found.push(`${name} of ${what(element)} names nothing`);
    }
  }
  if (document.querySelectorAll("main").length !== 1) found.push("there is not exactly one <main>");
  if ([...document.querySelectorAll("h1")].filter(visible).length !== 1) found.push("there is not exactly one <h1>");
  if (!document.documentElement.lang) found.push("the page has no language");
  if (!document.title) found.push("the page has no title");
  let before = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const level = Number(heading.localName[1]);
    if (level > before + 1) found.push(`a level is left out before ${what(heading)}`);
    before = level;
  }
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption?.textContent) found.push(`a table has no caption: ${what(table)}`);
    if ([...table.querySelectorAll("thead th")].some((cell) => cell.scope !== "col")) found.push(`a head of ${table.caption?.textContent} has no scope`);
  }

  // -- names of what can be used
  const name = (element) => {
    const label = element.getAttribute("aria-label") ?? "";
    const labelled = (element.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
    const around = element.labels ? [...element.labels].map((each) => each.textContent).join(" ") : "";
    return [label, labelled, around, element.matches("input, select") ? "" : element.textContent].join(" ").trim();
  };
  for (const element of document.querySelectorAll("button, a[href], input, select, textarea, [role=group], [role=meter], nav, dialog, [tabindex='0']")) {
    if (visible(element) && element.type !== "hidden" && !name(element)) found.push(`no name: ${what(element)}`);
  }
  for (const element of document.querySelectorAll("[tabindex]")) if (element.tabIndex > 0) found.push(`a tabindex above 0: ${what(element)}`);
  for (const image of document.querySelectorAll("svg, img")) {
    if (!image.closest("[aria-hidden=true]") && !image.getAttribute("aria-label") && !image.alt) found.push(`a picture without words: ${what(image)}`);
  }

  // -- contrast of every text with what is behind it
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.canvas.width = canvas.canvas.height = 1;
  const seen = new Map();
  const rgba = (color) => {
    if (!seen.has(color)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      seen.set(color, [r, g, b, a / 255]);
    }
    return seen.get(color);
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] > 0) layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const [R, G, B] = [r, g, b].map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  };
  const contrast = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let counted = 0;
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !visible(element) || unseen(element) || element.closest("noscript, :disabled")) continue;
    const style = getComputedStyle(element);
    const behind = ground(element);
    const ratio = contrast(over(rgba(element.namespaceURI.endsWith("svg") ? style.fill : style.color), behind), behind);
    counted += 1;
    if (ratio < 4.5) found.push(`contrast ${ratio.toFixed(2)}: ${what(element)}`);
  }
  if (counted < 5) found.push("hardly any text was found");

  // -- nothing to the right of the window
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) {
    const first = [...document.querySelectorAll("main *, header *")].find((element) => visible(element) && !unseen(element) && !element.closest(".scroll") && element.getBoundingClientRect().right > innerWidth + 1);
    found.push(`the page is ${wide} px wider than the window${first ? `: ${what(first)}` : ""}`);
  }
  return [...new Set(found)];
}
