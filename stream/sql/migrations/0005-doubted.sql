-- What the public topics say may be in doubt again.

ALTER TABLE tonnage.published ADD COLUMN doubted boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tonnage.published.doubted IS
    'True from when somebody else has published there until it is compared again';
