"""The app's tables as Django's models, and the table that its signals keep."""
# ruff: noqa: D106, DJ008 - nobody reads Meta, or prints these

from __future__ import annotations

from typing import Any

from django.db import models


class Exercise(models.Model):  # type: ignore[misc]
    """An exercise."""

    name = models.CharField(max_length=100)
    muscle_group = models.CharField(max_length=20)

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "exercise"


class Workout(models.Model):  # type: ignore[misc]
    """A workout."""

    user_id = models.IntegerField()
    date = models.DateTimeField()
    name = models.CharField(max_length=100)
    total_volume = models.PositiveIntegerField()
    performed: Any

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "workouts_workout"


class Performed(models.Model):  # type: ignore[misc]
    """A performed exercise."""

    workout = models.ForeignKey(Workout, models.DO_NOTHING, related_name="performed")
    exercise = models.ForeignKey(Exercise, models.DO_NOTHING)
    sets = models.IntegerField()
    reps_per_set = models.JSONField()
    weights_per_set = models.JSONField(null=True)

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "workouts_performedexercise"


class KeptWeek(models.Model):  # type: ignore[misc]
    """A week as signals, or a trigger, keep it."""

    user_id = models.IntegerField()
    year = models.IntegerField()
    week = models.IntegerField()
    total_volume = models.DecimalField(max_digits=60, decimal_places=30)
    workout_count = models.IntegerField()
    volume_by_muscle_group = models.JSONField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "kept_week"
