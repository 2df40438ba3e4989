// Colours follow the style sheet, and with it the system: light or dark.

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
export const classColours = () => [0, 1, 2].map((c) => colour(`--class${c}`));
