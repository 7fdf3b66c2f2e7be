-- Lets the rows that were filled in {fresh} take the place of a user's in {held}; those of before
-- are kept in {saved}, to be compared. A row may be held under another user's id by mistake.

CREATE TABLE {saved}.{table} AS
SELECT * FROM {held}.{table}
WHERE user_id = {user} OR ({key}) IN (SELECT {key} FROM {fresh}.{table});

DELETE FROM {held}.{table}
WHERE user_id = {user} OR ({key}) IN (SELECT {key} FROM {fresh}.{table});

INSERT INTO {held}.{table} TABLE {fresh}.{table};
