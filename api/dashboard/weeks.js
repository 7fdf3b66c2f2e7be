// Weekly volume: bars, those of the year before behind them, and a button over each week.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { byId, change, colour, compact, make, number, plural, weekLabels } from "./page.js";

const HEIGHT = 260;
const LABEL_WIDTH = 44;
const LEAST_WEEK_WIDTH = 24; // what a finger can hit

let chart = null;
let chosen = null; // the week whose button the Tab key reaches

/**
 * Draw weeks as `year-over-year` has them.
 * @param {(week: string) => void} onChoose
 */
export function drawWeeks(weeks, onChoose) {
  const place = byId("weeks");
  const focused = place.contains(document.activeElement);
  const scrolled = chart && chart.weeks === weeks.length ? place.scrollLeft : Infinity;
  chart?.plot.destroy();
  byId("weeks-shown").textContent = `${weeks[0].week} to ${weeks.at(-1).week}`;
  const width = Math.max(place.clientWidth, weeks.length * LEAST_WEEK_WIDTH + 60);
  chart = { plot: new uPlot(options(weeks, width), data(weeks), place), weeks: weeks.length };
  const buttons = weeks.map((week) => button(week, onChoose));
  const group = make("div.weeks", { role: "group", "aria-label": "Weeks" }, ...buttons);
  group.addEventListener("keydown", move);
  chart.plot.over.append(group);
  const reached = buttons.find((each) => each.dataset.week === chosen) ?? buttons.at(-1);
  if (reached) reach(reached);
  if (focused) reached?.focus({ preventScroll: true });
  place.scrollLeft = scrolled; // at first the newest weeks are to be seen
}

function data(weeks) {
  const figures = (pick) => weeks.map(pick);
  return [
    weeks.map((_, at) => at),
    figures((week) => week.previousVolume),
    figures((week) => (week.partial ? null : week.totalVolume)),
    figures((week) => (week.partial ? week.totalVolume : null)),
  ];
}

function options(weeks, width) {
  const bars = (part) => uPlot.paths.bars({ size: [part, 48], radius: 0.1 });
  const series = (name, part) => ({ fill: colour(name), width: 0, paths: bars(part), points: { show: false } });
  const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  const perLabel = Math.ceil((LABEL_WIDTH * weeks.length) / (width - 60));
  const labelled = weeks.map((_, at) => at).filter((at) => (weeks.length - 1 - at) % perLabel === 0);
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: [-0.5, weeks.length - 0.5] },
      y: { range: (_, low, high) => [Math.min(0, low * 1.1), Math.max(high, 1) * 1.08] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        splits: labelled,
        size: 44,
        values: (_, splits) => weekLabels(splits.map((at) => weeks[at].week)),
      },
      { ...axis, size: 52, values: (_, splits) => splits.map(compact) },
    ],
    series: [{}, series("bar-last", 0.92), series("bar", 0.6), series("bar-partial", 0.6)],
  };
}

function button(week, onChoose) {
  const made = make("button", {
    type: "button",
    tabindex: -1,
    "data-week": week.week,
    "aria-label": told(week),
    "aria-haspopup": "dialog",
    onclick: () => (reach(made), onChoose(week.week)),
    onfocus: () => reach(made),
    onpointerenter: () => (byId("week-readout").textContent = told(week)),
  });
  return made;
}

/** Say a week in words. */
function told(week) {
  const running = week.partial ? " (running)" : "";
  const now = `${week.week}${running}: ${number(week.totalVolume)} in ${plural(week.workoutCount, "workout")}`;
  if (!week.comparable) return `${now}; the year before had no such week`;
  const delta = week.deltaPct === null ? "" : `, ${change(week.deltaPct)}`;
  return `${now}; a year before ${number(week.previousVolume)}${delta}`;
}

function reach(button) {
  for (const each of button.parentElement.children) each.tabIndex = -1;
  button.tabIndex = 0;
  chosen = button.dataset.week;
  if (button === document.activeElement) byId("week-readout").textContent = button.ariaLabel;
}

function move(event) {
  const buttons = [...event.currentTarget.children];
  const at = buttons.indexOf(event.target);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  buttons[to]?.focus();
}
