// Personal records with the sets that hold them, and one exercise's way there.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { evidenceButton } from "./explain.js";
import { byId, colour, compact, fillTable, make, number, weekLabels } from "./page.js";

const KINDS = { // of one exercise; the heaviest of each rep count are beside its progress
  heaviest_weight: "Heaviest",
  estimated_1rm: "Est. 1RM",
  workout_volume: "Best workout",
  set_reps: "Most reps",
};
const FEW = 10;
const HEIGHT = 240;

let chart = null;
let all = false;

/** Show all exercises' records, or again those done most often alone; to be drawn anew. */
export function toggleRecords() {
  all = !all;
}

/** Draw the records of the exercises done most often, or of all. */
export function drawRecords(client, exercises, records, note) {
  const of = grouped(records);
  const often = [...exercises].sort((a, b) => b.sessions - a.sessions);
  const listed = often.filter((each) => of.has(each.exercise_id));
  const rows = (all ? listed : listed.slice(0, FEW)).map((exercise) => [
    exercise.name ?? `exercise ${exercise.exercise_id}`,
    ...Object.keys(KINDS).map((kind) => {
      const record = of.get(exercise.exercise_id).find((each) => each.kind === kind);
      return record ? held(client, record) : "–";
    }),
  ]);
  fillTable(byId("records"), ["Exercise", ...Object.values(KINDS)], rows);
  const more = byId("more-records");
  more.hidden = listed.length <= FEW;
  more.textContent = all ? `Only the ${FEW} done most often` : `All ${listed.length} exercises`;
  byId("records-hint").textContent = listed.length ? note : "No records yet.";
}

function grouped(records) {
  const of = new Map();
  for (const record of records) {
    of.set(record.exercise_id, [...(of.get(record.exercise_id) ?? []), record]);
  }
  return of;
}

function held(client, record) {
  const { kind, value, reps, weight, evidence } = record;
  const set = weight === null || kind === "workout_volume" ? "" : ` (${reps} × ${number(weight)})`;
  return make(
    "span.record",
    {},
    make("strong", {}, number(value)),
    kind === "heaviest_weight" ? ` × ${reps}` : set,
    make("br"),
    evidenceButton(client, evidence),
  );
}

/** Fill the choice of exercises; return the id of the chosen one.
 *
 * At first that is the one done most often of those whose progress can be told in weights.
 */
export function fillExercises(exercises, records) {
  const select = byId("exercise");
  const before = Number(select.value);
  select.replaceChildren(
    ...exercises.map((each) =>
      make("option", { value: each.exercise_id }, each.name ?? `exercise ${each.exercise_id}`),
    ),
  );
  const lifted = new Set(
    records.filter((each) => each.kind === "estimated_1rm").map((each) => each.exercise_id),
  );
  const [most] = [...exercises].sort(
    (a, b) => lifted.has(b.exercise_id) - lifted.has(a.exercise_id) || b.sessions - a.sessions,
  );
  const stays = exercises.some((each) => each.exercise_id === before);
  const chosen = stays ? before : (most?.exercise_id ?? null);
  if (chosen !== null) select.value = chosen;
  return chosen;
}

export function drawProgress(client, progress, records) {
  const { weeks, formula, e1rm_max_reps: most } = progress;
  drawChart(weeks);
  byId("progress-hint").textContent = weeks.some((week) => week.sets)
    ? `Estimated one-rep max by the formula “${formula}”, of sets with up to ${most} reps.`
    : "Not done in these weeks.";
  fillTable(
    byId("progress-table"),
    ["Week", "Volume|number", "Sets|number", "Best set", "Est. 1RM|number"],
    weeks.filter((week) => week.sets).map((week) => [
      week.week,
      number(week.volume),
      number(week.sets),
      week.bestSet ? `${week.bestSet.reps} × ${number(week.bestSet.weight)}` : "–",
      week.estimated1RM === null ? "–" : number(week.estimated1RM),
    ]),
  );
  fillTable(
    byId("by-reps"),
    ["Reps|number", "Weight|number", "Evidence"],
    records
      .filter((each) => each.kind.startsWith("heaviest_weight:"))
      .sort((a, b) => a.reps - b.reps)
      .map((each) => [number(each.reps), number(each.value), evidenceButton(client, each.evidence)]),
  );
}

function drawChart(weeks) {
  const place = byId("progress");
  chart?.destroy();
  const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  const perLabel = Math.max(1, Math.ceil((44 * weeks.length) / (place.clientWidth - 110)));
  const at = weeks.map((_, index) => index);
  const dots = { show: true, size: 6, fill: colour("bar"), stroke: colour("bar") };
  chart = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [-0.5, weeks.length - 0.5] },
        weight: { range: (_, low, high) => around(low, high) },
        volume: { range: (_, low, high) => [0, Math.max(high, 1) * 1.08] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          splits: at.filter((index) => (weeks.length - 1 - index) % perLabel === 0),
          size: 44,
          values: (_, splits) => weekLabels(splits.map((index) => weeks[index].week)),
        },
        { ...axis, scale: "weight", size: 50 },
        { ...axis, scale: "volume", side: 1, size: 50, grid: { show: false }, values: (_, splits) => splits.map(compact) },
      ],
      series: [
        {},
        { scale: "volume", fill: colour("bar-last"), width: 0, paths: uPlot.paths.bars({ size: [0.7, 40] }), points: { show: false } },
        { scale: "weight", width: 0, stroke: colour("second"), points: { ...dots, fill: colour("second"), stroke: colour("second") } },
        { scale: "weight", width: 2, stroke: colour("bar"), spanGaps: true, points: dots },
      ],
    },
    [
      at,
      weeks.map((week) => week.volume),
      weeks.map((week) => week.bestSet?.weight ?? null),
      weeks.map((week) => week.estimated1RM),
    ],
    place,
  );
  const last = weeks.findLast((week) => week.estimated1RM !== null);
  place.setAttribute("role", "img");
  place.setAttribute(
    "aria-label",
    last ? `Chart by week; the last estimated one-rep max is ${number(last.estimated1RM)}, in ${last.week}` : "No estimated one-rep max in these weeks",
  );
}

function around(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = Math.max((high - low) * 0.15, Math.abs(high) * 0.03, 1);
  return [low - room, high + room];
}
