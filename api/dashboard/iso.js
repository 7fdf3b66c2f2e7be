// ISO weeks, written 2026-W47. Days are computed in UTC, so that no clock change gets in the way.

const DAY = 86_400_000;

const mondayOf = (time) => time - ((new Date(time).getUTCDay() + 6) % 7) * DAY;

/** Return the ISO week of a day, "2026-11-16". */
export function weekOf(text) {
  const monday = mondayOf(Date.parse(`${text}T00:00:00Z`));
  const year = new Date(monday + 3 * DAY).getUTCFullYear(); // that of the week's Thursday
  const first = mondayOf(Date.UTC(year, 0, 4));
  const week = 1 + Math.round((monday - first) / (7 * DAY));
  return `${String(year).padStart(4, "0")}-W${String(week).padStart(2, "0")}`;
}

/** Return the Monday of an ISO week as a day. */
export function monday(week) {
  const first = mondayOf(Date.UTC(yearOf(week), 0, 4));
  return dayText(first + (Number(week.slice(6)) - 1) * 7 * DAY);
}

/** Return the week that is so many weeks later. */
export const shifted = (week, weeks) =>
  weekOf(dayText(Date.parse(`${monday(week)}T00:00:00Z`) + weeks * 7 * DAY));

export const yearOf = (week) => Number(week.slice(0, 4));

/** Return the days of a year with their columns (weeks from Monday) and rows (0: Monday). */
export function* daysOf(year) {
  const origin = mondayOf(Date.UTC(year, 0, 1));
  for (let time = Date.UTC(year, 0, 1); time < Date.UTC(year + 1, 0, 1); time += DAY) {
    const since = Math.round((time - origin) / DAY);
    yield { day: dayText(time), column: Math.floor(since / 7), row: since % 7 };
  }
}

const dayText = (time) => new Date(time).toISOString().slice(0, 10);
