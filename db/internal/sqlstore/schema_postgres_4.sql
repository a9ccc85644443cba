-- Schema version 4, table by table that of schema_sqlite_4.sql.

CREATE TABLE changes (
  number  BIGINT PRIMARY KEY CHECK (number >= 1),
  at      TEXT COLLATE "C" NOT NULL,
  actor   TEXT COLLATE "C" NOT NULL,
  command TEXT NOT NULL,
  comment TEXT,
  created BIGINT NOT NULL CHECK (created >= 0),
  changed BIGINT NOT NULL CHECK (changed >= 0),
  deleted BIGINT NOT NULL CHECK (deleted >= 0),
  undoes  BIGINT,
  base    TEXT
);

CREATE INDEX changes_at ON changes (at);
CREATE INDEX changes_actor ON changes (actor);

CREATE TABLE change_rows (
  change BIGINT NOT NULL,
  part   INTEGER NOT NULL,
  body   BYTEA NOT NULL,
  PRIMARY KEY (change, part)
);

CREATE TABLE change_subjects (
  kind   INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
  name   TEXT COLLATE "C" NOT NULL,
  first  BIGINT NOT NULL,
  last   BIGINT NOT NULL CHECK (last >= first),
  change BIGINT NOT NULL,
  PRIMARY KEY (kind, name, first, last, change)
);

CREATE INDEX change_subjects_change ON change_subjects (change);
