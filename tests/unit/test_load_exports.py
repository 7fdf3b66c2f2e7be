from __future__ import annotations

import json
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest

from infra.errors import TonnageError
from infra.log_files import read_log
from infra.logs import BadLine, LoggedExercise, LoggedWorkout

STRONG = """Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Distance,Seconds,RPE
2024-11-28 17:36:08,"B",35m,"Row (Barbell)",1,10.0,13.0,0,0.0,
2024-11-28 17:36:08,"B",35m,"Row (Barbell)",Rest Timer,0.0,0.0,0,90.0,
2024-11-28 17:36:08,"B",35m,"Curl",1,44.09245243697551,8.0,0,0.0,
2024-11-28 17:36:08,"B",35m,"Row (Barbell)",2,12.5,,0,0.0,
"""
STRONG_CHINESE = """日期,锻炼名称,时长,运动名称,设置顺序,重量,次,距离,秒,备注,锻炼备注,RPE
2024-11-28 17:36:08,"B",35分钟,"Row (Barbell)",1,10,13,0,0,"4x8","two
lines",
2024-11-28 17:36:08,"B",35分钟,"Curl",1,44.09245243697551,8,0,0,,,
2024-11-28 17:36:08,"B",35分钟,"Row (Barbell)",2,12.5,0,0,0,,,
"""
STRONG_SEMICOLONS = STRONG.replace(",", ";").replace("Weight", "Weight (kg)")
HEVY = """"title","start_time","end_time","exercise_title","set_index","weight_kg","reps"
"C","29 Nov 2024, 07:48","29 Nov 2024, 09:13","Pull Up",0,,5
"B","28 Nov 2024, 17:36","28 Nov 2024, 18:13","Row (Barbell)",0,10,13
"""
FITNOTES = """Date,Exercise,Category,Weight,Weight Unit,Reps,Distance,Distance Unit,Time
2024-11-28,Row (Barbell),Back,64.0,kgs,8,,,
2024-11-28,Plank,Abs,,,,,,0:01:00
"""
B = {
    "user": "ann",
    "ts": "2024-11-28T17:36:08",
    "title": "B",
    "exercises": [
        {"name": "Row (Barbell)", "reps": [13, None], "weights": [10, 12.5]},
        {"name": "Curl", "reps": [8], "weights": [44.09245243697551]},
    ],
}


def read(tmp_path: Path, text: str, name: str = "export.csv") -> list[LoggedWorkout | BadLine]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return list(read_log(path, "ann", UTC))


def workouts(read: list[LoggedWorkout | BadLine]) -> list[tuple[object, ...]]:
    assert not [each for each in read if isinstance(each, BadLine)]
    return [
        (each.user, each.time, each.title, each.exercises)
        for each in read
        if isinstance(each, LoggedWorkout)
    ]


@pytest.mark.parametrize("text", [STRONG, STRONG_CHINESE, STRONG_SEMICOLONS, "\ufeff" + STRONG])
def test_strong_is_its_normalised_twin(tmp_path: Path, text: str) -> None:
    twin = read(tmp_path, json.dumps(B), "twin.jsonl")
    assert workouts(read(tmp_path, text)) == workouts(twin)


def test_hevy_comes_in_order_of_time(tmp_path: Path) -> None:
    first, second = workouts(read(tmp_path, HEVY))
    assert [str(first[1]), first[2]] == ["2024-11-28 17:36:00+00:00", "B"]
    assert second[2:] == ("C", (LoggedExercise("Pull Up", (Decimal(5),), None),))


def test_fitnotes_has_days_alone(tmp_path: Path) -> None:
    ((_, time, title, exercises),) = workouts(read(tmp_path, FITNOTES))
    assert (str(time), title) == ("2024-11-28 00:00:00+00:00", "")
    assert exercises == (
        LoggedExercise("Row (Barbell)", (Decimal(8),), (Decimal(64),)),
        LoggedExercise("Plank", (Decimal(0),), None),
    )


def test_whole_numbers_lose_the_point_that_exports_add(tmp_path: Path) -> None:
    (workout,) = read(tmp_path, STRONG)
    assert isinstance(workout, LoggedWorkout)
    assert str(workout.exercises[0].reps[0]) == "13"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2024-11-28 17:36:08,B,35m,Curl,1,heavy,8,0,0,", "'heavy' is not a number"),
        ("2024-11-28 17:36:08,B,35m,Curl,1,nan,8,0,0,", "'nan' is not a number"),
        ("last week,B,35m,Curl,1,10,8,0,0,", "'last week' is not an ISO 8601 time"),
        ("2024-11-28 17:36:08,B,35m,,1,10,8,0,0,", "the exercise's name is empty"),
        ("2024-11-28 17:36:08,B", "it has 2 columns, fewer than its header"),
    ],
)
def test_a_bad_set_is_left_out_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    bad, workout = read(tmp_path, f"{STRONG}{line}\n")
    assert isinstance(bad, BadLine)
    assert bad.line == 6
    assert reason in bad.reason
    assert workouts([workout]) == workouts(read(tmp_path, STRONG))


def test_a_line_that_is_not_utf8_is_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    line = json.dumps(B)
    path.write_bytes(line.replace("Curl", "C\u00fcrl").encode("latin-1") + f"\n{line}".encode())
    bad, workout = read_log(path, None, UTC)
    assert isinstance(bad, BadLine)
    assert isinstance(workout, LoggedWorkout)
    assert "no character" in bad.reason


def test_an_unknown_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TonnageError, match="no export of Strong, Hevy, FitNotes"):
        read(tmp_path, "when,what\n1,2\n")


def test_an_export_needs_a_user(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(STRONG)
    with pytest.raises(TonnageError, match="add --user NAME"):
        list(read_log(path, None, UTC))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TonnageError, match="gone: No such file"):
        list(read_log(tmp_path / "gone", None, UTC))
