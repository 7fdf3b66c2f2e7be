// Small pieces that every part of the page uses: elements, numbers, dates, colours.

export const byId = (id) => document.getElementById(id);

/**
 * Make an element. Whatever the API says gets here as text or as an attribute, never as HTML.
 * @param {string} tag with classes: "td.number"
 */
export function make(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * Fill a table.
 * @param {string[]} headers each with its column's class: "Volume|number"
 * @param {(string | Node)[][]} rows each begins with the cell that names it
 */
export function fillTable(table, headers, rows) {
  const columns = headers.map((header) => header.split("|"));
  const cell = (child, at) => {
    const [title, kind] = columns[at];
    return at
      ? make("td", { class: kind, "data-title": title }, child)
      : make("th", { class: kind, scope: "row" }, child);
  };
  const titles = columns.map(([title, kind]) => make("th", { scope: "col", class: kind }, title));
  table.replaceChildren(
    make("thead", {}, make("tr", {}, ...titles)),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell)))),
  );
}

const exact = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const signed = new Intl.NumberFormat(undefined, {
  style: "percent",
  maximumFractionDigits: 0,
  signDisplay: "exceptZero",
});
const whole = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

export const number = (value) => exact.format(value);
export const compact = (value) => short.format(value);
export const change = (percent) => signed.format(percent / 100);
export const share = (part) => whole.format(part);
export const plural = (count, one, many = `${one}s`) =>
  `${number(count)} ${count === 1 ? one : many}`;

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** Write a day without a time, "2026-11-16", as people do. */
export const day = (text) => dates.format(new Date(`${text}T00:00:00Z`));
/** Write the day of a time, where the reader is. */
export const dayOf = (time) => moments.format(new Date(time));
export const timeOf = (time) => clock.format(new Date(time));

/** Label weeks on an axis: their number, and the year below where it begins. */
export const weekLabels = (weeks) =>
  weeks.map((week, at) => {
    const [year, number] = week.split("-");
    return weeks[at - 1]?.startsWith(year) ? number : `${number}\n${year}`;
  });

/** Read a colour of the style sheet; it follows the light or dark scheme. */
export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
