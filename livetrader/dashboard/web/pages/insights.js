// What the algorithm predicts: nothing can be shown of it yet, and the page says so.

import { empty, panel, title } from "../parts.js";

export const NAME = "insights";
export const TITLE = "Insights";

export function view() {
  return [
    title(TITLE),
    panel(
      "No insights",
      {},
      empty("This version does not run LEAN's algorithm framework: emit_insights and alpha models are not offered, so no algorithm can emit an insight. Orders and what stopped them stand under “Why no trade?”."),
    ),
  ];
}
