"""One fault each, as small as it can be: what random histories must find, found at once."""

from __future__ import annotations

from tests.topology.histories import History

ROUTE, ASSEMBLE, AGGREGATE = 0, 1, 2
EXERCISES, WORKOUTS, PERFORMED = 0, 1, 2
USER = 1
USERS_PARTITION = 1
HEAVY, LIGHT, MANY, FEW, BAD, EMPTY = 3, 1, 6, 11, 5, 8
"""Lists of sets: 1×120, 5×100, 12 and 13×60, 2×0.1, and a row with text for a number."""
CHEST_DAY, SAME_WEEK, NEXT_WEEK, MARCH, NOVEMBER, NO_DAY = 0, 1, 2, 3, 5, 6

ALL: tuple[int, int, int] = 3, 15, 99

BEGIN: History = [
    ("put_exercise", 1, 0, 0),
    ("put_workout", 1, USER, CHEST_DAY, 0),
    ("put_performed", 1, 1, 1, LIGHT),
    ("settle",),
]

READ = [("run", ROUTE, *ALL), ("run", ASSEMBLE, *ALL)]
"""Brings what was changed before the last step, as one batch of each."""


def edited(n: int) -> History:
    return [("put_performed", 1, 1, 1, n), *READ]


def zombie(step: int, partition: int, *late: History) -> History:
    """A copy is paused, others go on, then it says what it would have said at once."""
    before, after = late
    return [("pause", step, partition), *before, ("wake", 0, 99, None), *after]


HISTORIES: dict[str, History] = {
    # the same at a batch's end as before it, while somebody said what lay between
    "a week is edited and edited back": zombie(
        AGGREGATE, USERS_PARTITION, edited(EMPTY), edited(LIGHT)
    ),
    "an exercise is regrouped and back": zombie(
        AGGREGATE,
        USERS_PARTITION,
        [("put_exercise", 1, 0, 1), *READ],
        [("put_exercise", 1, 0, 0), *READ],
    ),
    "an exercise is regrouped and back, its week new in the batch": [
        ("put_workout", 2, USER, MARCH, 0),
        ("put_performed", 2, 2, 1, LIGHT),
        *READ,
        ("pause", AGGREGATE, USERS_PARTITION),
        ("put_exercise", 1, 0, 1),
        *READ,
        ("put_exercise", 1, 0, 0),
        ("settle",),
        ("wake", 0, 2, None),
    ],
    "an exercise is regrouped and back, and only its own state is durable": [
        ("pause", AGGREGATE, USERS_PARTITION),
        ("put_exercise", 1, 0, 1),
        *READ,
        ("wake", 0, 1, 3),  # of its writes, the week alone arrives
        ("put_exercise", 1, 0, 0),
        *READ,
        ("crash_changelog", AGGREGATE, 1),
    ],
    "a record rises and falls": [
        ("put_workout", 2, USER, NOVEMBER, 0),
        ("put_performed", 2, 2, 1, FEW),
        ("settle",),
        *zombie(
            AGGREGATE,
            USERS_PARTITION,
            [("put_performed", 2, 2, 1, HEAVY), *READ],
            [("put_performed", 2, 2, 1, FEW), *READ],
        ),
    ],
    "a record falls and rises": zombie(AGGREGATE, USERS_PARTITION, edited(EMPTY), edited(LIGHT)),
    "a record is gone and back": zombie(
        AGGREGATE,
        USERS_PARTITION,
        [("drop", PERFORMED, 1), *READ],
        [("put_performed", 1, 1, 1, LIGHT), *READ],
    ),
    # outputs lost, and said again
    "route dies before its outputs": [
        ("put_performed", 1, 1, 1, HEAVY),
        ("put_exercise", 1, 1, 1),
        ("crash_changelog", ROUTE, 0),
    ],
    "assemble dies before its outputs": [
        ("put_performed", 1, 1, 1, HEAVY),
        ("run", ROUTE, *ALL),
        ("crash_changelog", ASSEMBLE, 0),
    ],
    "aggregate dies before its outputs": [*edited(HEAVY), ("crash_changelog", AGGREGATE, 0)],
    "aggregate dies before the outputs of a regroup": [
        ("put_exercise", 1, 0, 1),
        *READ,
        ("crash_changelog", AGGREGATE, 0),
    ],
    "aggregate dies with half a batch: the exercise alone": [
        ("put_exercise", 1, 0, 1),
        *READ,
        ("crash_changelog", AGGREGATE, 1),
    ],
    "aggregate dies after it took a lift out": [
        ("put_performed", 1, 1, 2, LIGHT),
        *READ,
        ("crash_changelog", AGGREGATE, 0),
    ],
    "aggregate dies after a workout left its week": [
        ("put_workout", 1, USER, MARCH, 0),
        *READ,
        ("crash_changelog", AGGREGATE, 0),
    ],
    "aggregate dies with half a move between weeks": [
        ("put_workout", 1, USER, MARCH, 0),
        *READ,
        ("crash_changelog", AGGREGATE, 1),
    ],
    "aggregate dies before the outputs of a batch, its records come singly": [
        ("put_workout", 2, USER, SAME_WEEK, 0),
        ("put_performed", 2, 2, 1, HEAVY),
        *READ,
        ("put_exercise", 1, 0, 1),
        *READ,
        ("crash_changelog", AGGREGATE, 0),
        *[("run", AGGREGATE, 3, 15, 1)] * 9,
    ],
    "assemble skips a gate's version, and dies": [
        ("put_performed", 1, 1, 1, HEAVY),
        ("run", ROUTE, *ALL),
        ("repeat", PERFORMED, 0, 1),
        ("repeat", PERFORMED, 1, 1),
        ("rewind", ROUTE, 0, 2),
        ("rewind", ROUTE, 1, 2),
        ("run", ROUTE, *ALL),
        ("crash_changelog", ASSEMBLE, 0),
    ],
    "route dies before it says that a workout has healed": [
        ("put_workout", 1, USER, NO_DAY, 0),
        ("settle",),
        ("put_workout", 1, USER, MARCH, 0),
        ("crash_changelog", ROUTE, 0),
    ],
    "route dies after a row moved through two workouts": [
        ("put_workout", 2, USER, MARCH, 0),
        ("put_workout", 3, USER, NOVEMBER, 0),
        ("settle",),
        ("put_performed", 1, 2, 1, LIGHT),
        ("put_performed", 1, 3, 1, LIGHT),
        ("crash_changelog", ROUTE, 0),
    ],
    # late writers
    "a zombie says a week as it was before a regroup": [
        ("pause", AGGREGATE, USERS_PARTITION),
        *edited(HEAVY),
        ("put_exercise", 1, 0, 1),
        ("settle",),
        ("wake", 0, 1, None),
    ],
    "a zombie says a week as it was before the edit that its owner said again": [
        ("pause", AGGREGATE, USERS_PARTITION),
        ("put_exercise", 1, 0, 1),
        *READ,
        *edited(HEAVY),
        *edited(FEW),
        ("crash_changelog", AGGREGATE, 0),
        *[("run", AGGREGATE, 3, 15, 1)] * 3,
        ("wake", 0, 2, None),
    ],
    "a zombie route says a row as it was": [
        ("pause", ROUTE, 0),
        ("pause", ROUTE, 1),
        ("put_performed", 1, 1, 1, HEAVY),
        ("put_performed", 1, 2, 1, LIGHT),
        ("put_workout", 2, USER, CHEST_DAY, 0),
        ("settle",),
        ("wake", 0, 1, None),
        ("wake", 1, 1, None),
    ],
    "a zombie route says a row that is gone": [
        ("pause", ROUTE, 0),
        ("pause", ROUTE, 1),
        ("put_performed", 2, 1, 1, HEAVY),
        ("drop", PERFORMED, 2),
        ("settle",),
        ("wake", 0, 1, None),
        ("wake", 1, 1, None),
    ],
    "a zombie route says a workout that is gone": [
        ("pause", ROUTE, 0),
        ("pause", ROUTE, 1),
        ("put_workout", 2, USER, MARCH, 0),
        ("drop", WORKOUTS, 2),
        ("settle",),
        ("wake", 0, 1, None),
        ("wake", 1, 1, None),
    ],
    "a zombie route says an exercise as it was": [
        ("pause", ROUTE, 0),
        ("pause", ROUTE, 1),
        ("put_exercise", 1, 0, 1),
        ("settle",),
        ("put_exercise", 1, 0, 0),
        ("settle",),
        ("wake", 0, 1, None),
        ("wake", 1, 1, None),
    ],
    "a zombie assemble says a week where the workout was": [
        ("pause", ASSEMBLE, 1),
        ("put_workout", 1, USER, MARCH, 0),
        *READ,
        ("put_workout", 1, USER, NOVEMBER, 0),
        ("settle",),
        ("wake", 0, 1, None),
    ],
    "a zombie assemble says a user whose the workout was": [
        ("pause", ASSEMBLE, 1),
        ("put_workout", 1, 2, CHEST_DAY, 0),
        *READ,
        ("put_workout", 1, USER, NOVEMBER, 0),
        ("settle",),
        ("wake", 0, 1, None),
    ],
    "a zombie assemble says a workout that is gone": [
        ("pause", ASSEMBLE, 1),
        ("put_workout", 1, USER, MARCH, 0),
        *READ,
        ("drop", WORKOUTS, 1),
        ("settle",),
        ("wake", 0, 1, None),
    ],
    "a zombie's state comes last in the changelog": [
        ("pause", ASSEMBLE, 1),
        ("put_performed", 1, 1, 1, HEAVY),
        ("settle",),
        ("put_workout", 1, USER, MARCH, 0),
        ("settle",),
        ("wake", 0, 1, None),
        ("hand_over", ASSEMBLE, 1, 1),
        ("put_workout", 1, USER, MARCH, 1),
    ],
    "a zombie's state comes last in the changelog, which is compacted": [
        ("pause", ASSEMBLE, 1),
        ("put_performed", 1, 1, 1, HEAVY),
        ("settle",),
        ("put_workout", 1, USER, MARCH, 0),
        ("settle",),
        ("wake", 0, 1, None),
        ("compact_changelog", ASSEMBLE, 1),
        ("hand_over", ASSEMBLE, 1, 1),
        ("put_workout", 1, USER, NOVEMBER, 0),
    ],
    "a zombie's store is taken up again": [
        ("pause", AGGREGATE, USERS_PARTITION),
        *edited(HEAVY),
        ("settle",),
        ("put_workout", 2, USER, CHEST_DAY, 0),
        ("settle",),
        ("wake", 0, 1, None),
        ("adopt", 0),
        ("put_workout", 3, USER, CHEST_DAY, 0),
    ],
    # old places and former parents
    "a workout moves through three weeks in one batch": [
        ("put_workout", 1, USER, MARCH, 0),
        ("run", ROUTE, *ALL),
        ("put_workout", 1, USER, NOVEMBER, 0),
    ],
    "a workout moves to a Sunday evening, which is Monday elsewhere": [
        ("put_workout", 1, USER, NEXT_WEEK, 0),
    ],
    "a workout moves through three weeks and is read again": [
        ("put_workout", 1, USER, MARCH, 0),
        *READ,
        ("put_workout", 1, USER, NOVEMBER, 0),
        ("settle",),
        ("rewind", ASSEMBLE, 1, 99),
        ("rewind", AGGREGATE, 1, 99),
    ],
    "a row moves through three workouts": [
        ("put_workout", 2, USER, MARCH, 0),
        ("put_workout", 3, USER, NOVEMBER, 0),
        ("pause", ROUTE, 0),
        ("pause", ROUTE, 1),
        ("put_performed", 1, 2, 1, LIGHT),
        ("settle",),
        ("put_performed", 1, 3, 1, LIGHT),
        ("settle",),
        ("wake", 0, 99, None),
        ("wake", 1, 99, None),
    ],
    "a workout moves to another user": [("put_workout", 1, 2, CHEST_DAY, 0)],
    # what the source sends
    "a lower LSN is a later change": [
        ("put_performed", 1, 1, 1, HEAVY),
        ("put_performed", 1, 1, 1, MANY),
        ("put_performed", 1, 1, 1, FEW),
        ("put_workout", 1, USER, CHEST_DAY, 1),
        ("put_workout", 1, USER, MARCH, 1),
        ("put_workout", 1, USER, NOVEMBER, 1),
        *[("put_exercise", 1, 0, group) for group in (1, 0, 1)],
    ],
    "only the tombstones remain": [
        ("drop", PERFORMED, 1),
        ("drop", WORKOUTS, 1),
        ("drop", EXERCISES, 1),
        ("compact_ahead",),
    ],
    "only a row's tombstone remains": [("drop", PERFORMED, 1), ("compact_ahead",)],
    "long lists are left out of an update": [
        ("put_workout", 2, USER, MARCH, 0),
        ("move_performed", 1, 2, 1),
    ],
    "a workout's key changes": [("rekey", WORKOUTS, 1, 2)],
    "a row's key changes": [("rekey", PERFORMED, 1, 2)],
    "an exercise's key changes": [("rekey", EXERCISES, 1, 2)],
    "a suffix comes again": [
        ("put_performed", 1, 1, 1, HEAVY),
        ("put_performed", 1, 1, 1, MANY),
        ("settle",),
        ("repeat", PERFORMED, 0, 2),
        ("repeat", PERFORMED, 1, 2),
        *[("flow", AGGREGATE, 1)] * 3,
    ],
    "a repetition within a batch": [
        ("put_performed", 1, 1, 1, HEAVY),
        ("put_performed", 1, 1, 1, MANY),
        ("put_workout", 1, USER, MARCH, 0),
        ("put_workout", 1, USER, NOVEMBER, 0),
    ],
    "a row is bad and heals": [
        ("put_performed", 1, 1, 1, BAD),
        ("settle",),
        ("put_performed", 1, 1, 1, LIGHT),
    ],
    "a workout is bad and heals": [
        ("put_workout", 1, USER, NO_DAY, 0),
        ("settle",),
        ("put_workout", 1, USER, CHEST_DAY, 0),
    ],
    "an exercise is bad, then another one for the same reason": [
        ("put_exercise", 1, 0, 4),
        ("settle",),
        ("put_exercise", 1, 1, 4),
    ],
    "an exercise is bad and heals": [
        ("put_exercise", 1, 0, 4),
        ("settle",),
        ("put_exercise", 1, 0, 1),
    ],
    # what is asked of a row on the list
    "a row that is still bad is judged anew, twice": [
        ("put_performed", 1, 1, 1, BAD),
        ("settle",),
        ("retry", PERFORMED, 1),
        ("settle",),
        ("retry", PERFORMED, 1),
    ],
    "a workout that is still bad is judged anew": [
        ("put_workout", 1, USER, NO_DAY, 0),
        ("settle",),
        ("retry", WORKOUTS, 1),
        ("settle",),
        ("put_workout", 1, USER, MARCH, 0),
    ],
    "an exercise that is still bad is judged anew": [
        ("put_exercise", 1, 0, 4),
        ("settle",),
        ("retry", EXERCISES, 1),
        ("settle",),
        ("put_exercise", 1, 0, 1),
    ],
    "a retry is read again after the row has healed": [
        ("put_performed", 1, 1, 1, BAD),
        ("settle",),
        ("retry", PERFORMED, 1),
        ("settle",),
        ("put_performed", 1, 1, 1, HEAVY),
        ("settle",),
        ("rewind", ROUTE, 0, 99),
        ("rewind", ROUTE, 1, 99),
    ],
    "a zombie route answers a retry late": [
        ("put_performed", 1, 1, 1, BAD),
        ("settle",),
        ("pause", ROUTE, 0),
        ("pause", ROUTE, 1),
        ("retry", PERFORMED, 1),
        ("put_performed", 1, 1, 1, HEAVY),
        ("settle",),
        ("wake", 0, 1, None),
        ("wake", 1, 1, None),
    ],
    "route dies before the outputs of a retry": [
        ("put_performed", 1, 1, 1, BAD),
        ("put_exercise", 1, 0, 4),
        ("settle",),
        ("retry", PERFORMED, 1),
        ("retry", EXERCISES, 1),
        ("crash_changelog", ROUTE, 0),
    ],
    "a retry of a row that is gone": [
        ("put_performed", 1, 1, 1, BAD),
        ("settle",),
        ("drop", PERFORMED, 1),
        ("retry", PERFORMED, 1),
    ],
    "a retry of a row that never was bad": [("retry", table, 1) for table in range(3)],
    # the figures
    "the best set falls": [
        ("put_workout", 2, USER, MARCH, 0),
        ("put_performed", 2, 2, 1, HEAVY),
        ("settle",),
        ("drop", PERFORMED, 2),
    ],
    "equal sets of two days": [
        ("put_workout", 2, USER, SAME_WEEK, 0),
        ("put_performed", 2, 2, 1, LIGHT),
    ],
    "a regroup after the state was restored": [
        ("hand_over", AGGREGATE, 1, 1),
        ("put_exercise", 1, 0, 1),
    ],
    "a regroup and an edit in one batch": [
        ("put_workout", 2, USER, MARCH, 0),
        ("put_performed", 2, 2, 1, LIGHT),
        ("put_exercise", 1, 0, 1),
    ],
    "a lift leaves a week, then its exercise is regrouped": [
        ("drop", PERFORMED, 1),
        ("settle",),
        ("put_exercise", 1, 0, 1),
    ],
    "rows come before their workout and their exercise": [
        ("put_performed", 2, 2, 2, LIGHT),
        ("run", ROUTE, 3, 4, 99),
        ("put_workout", 2, USER, CHEST_DAY, 0),
        ("settle",),
        ("put_exercise", 2, 0, 1),
    ],
}
