// A year's days as a heat map: a column for each week, Monday first.

import { daysOf } from "./iso.js";
import { byId, day, make, number, plural } from "./page.js";

const LEVELS = 4;
const month = new Intl.DateTimeFormat(undefined, { month: "short", timeZone: "UTC" });

export function drawCalendar({ year, days }) {
  const volumes = new Map(days.map((each) => [each.date, each.totalVolume]));
  const most = Math.max(0, ...volumes.values());
  byId("calendar-title").textContent = `Day by day, ${year}`;
  const cells = [...daysOf(year)].map(({ day: date, column, row }) => {
    const volume = volumes.get(date);
    const cell = make(`i.l${level(volume, most)}`, {
      title: volume === undefined ? day(date) : `${day(date)}: ${number(volume)}`,
    });
    cell.style.gridArea = `${row + 2} / ${column + 1}`;
    return cell;
  });
  const names = [...daysOf(year)]
    .filter(({ day: date }) => date.endsWith("-01"))
    .map(({ day: date, column }) => {
      const name = make("span", {}, month.format(new Date(`${date}T00:00:00Z`)));
      name.style.gridArea = `1 / ${column + 1} / auto / span 4`;
      return name;
    });
  const told = summary(year, days);
  const place = byId("calendar");
  const [drawn, scrolled] = [place.dataset.year, place.scrollLeft];
  place.replaceChildren(make("div.calendar", { role: "img", "aria-label": told }, ...names, ...cells));
  place.dataset.year = year;
  if (drawn === String(year)) place.scrollLeft = scrolled;
  else place.scrollLeft = lastTrained(cells)?.offsetLeft - place.clientWidth + 48 || 0;
  byId("calendar-hint").textContent = told;
}

/** Return 0 for a day without a workout, 1 for one without volume, and more for more. */
function level(volume, most) {
  if (volume === undefined) return 0;
  if (volume <= 0 || most <= 0) return 1;
  return Math.max(1, Math.ceil((volume / most) * LEVELS));
}

const lastTrained = (cells) => cells.findLast((cell) => !cell.classList.contains("l0"));

function summary(year, days) {
  if (!days.length) return `No workout in ${year}.`;
  const top = days.reduce((best, each) => (each.totalVolume > best.totalVolume ? each : best));
  return `${plural(days.length, "day")} with a workout in ${year}; most on ${day(top.date)}: ${number(top.totalVolume)}.`;
}
