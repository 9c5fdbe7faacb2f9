// How points are marked and coloured. Pure.

// By LEAN's names for them.
export const MARKERS = {
  circle: (x, y) => `M${x - 3} ${y}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0Z`,
  square: (x, y) => `M${x - 3} ${y - 3}h6v6h-6Z`,
  diamond: (x, y) => `M${x} ${y - 4}l4 4l-4 4l-4 -4Z`,
  triangle: (x, y) => `M${x} ${y - 4}l4 7h-8Z`,
  "triangle-down": (x, y) => `M${x} ${y + 4}l4 -7h-8Z`,
};

// A colour that the algorithm chose goes before that of the theme.
export const stroke = (series) => (series.color ? { stroke: series.color } : undefined);
export const paint = (series) => (series.color ? { fill: series.color } : undefined);
