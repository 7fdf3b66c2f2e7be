-- Put the shared exercises into the catalogue; those that it has by name stay as they are.

INSERT INTO exercise (name, muscle_group, category, equipment, force, level, mechanic,
                      "primaryMuscles", "secondaryMuscles", instructions, images, is_custom)
SELECT given.name, given.muscle_group, given.category, given.equipment, given.force, given.level,
       given.mechanic, given."primaryMuscles", given."secondaryMuscles", '[]', '[]', false
FROM jsonb_to_recordset(%s) AS given(
    name text, muscle_group text, category text, equipment text, force text, level text,
    mechanic text, "primaryMuscles" jsonb, "secondaryMuscles" jsonb)
WHERE NOT EXISTS (
    SELECT FROM exercise WHERE exercise.name = given.name AND exercise.owner_id IS NULL)
ORDER BY given.name;
