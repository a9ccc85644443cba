-- Schema version 4: the ledger remembers. Every change is an entry, written in the transaction of the change itself.
--
-- What a change did to rows is kept in parts of many rows, encoded and compressed (see history_code.go), and not in a row for
-- each: a command that carves 100,000 networks writes 300,000 rows, and the record of them is to cost a fraction of that.

CREATE TABLE changes (
  number  INTEGER PRIMARY KEY CHECK (number >= 1),
  at      TEXT NOT NULL,
  actor   TEXT NOT NULL,
  command TEXT NOT NULL,
  comment TEXT,
  -- How many rows it made, changed and took away, of those that `history show` shows.
  created INTEGER NOT NULL CHECK (created >= 0),
  changed INTEGER NOT NULL CHECK (changed >= 0),
  deleted INTEGER NOT NULL CHECK (deleted >= 0),
  -- The change that it reversed, if it is an undo.
  undoes  INTEGER,
  -- The first entry of a ledger that is older than its history, or of a history that was pruned, stands for all that was there:
  -- the digest of each table at that time. It is null of every other entry.
  base    TEXT
) STRICT;

CREATE INDEX changes_at ON changes (at);
CREATE INDEX changes_actor ON changes (actor);

CREATE TABLE change_rows (
  change INTEGER NOT NULL,
  part   INTEGER NOT NULL,
  body   BLOB NOT NULL,
  PRIMARY KEY (change, part)
) STRICT;

-- What a change is about, by which it is found: networks (kind 1) and instances (2) by runs of their ids, projects (3) by name.
CREATE TABLE change_subjects (
  kind   INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
  name   TEXT NOT NULL,
  first  INTEGER NOT NULL,
  last   INTEGER NOT NULL CHECK (last >= first),
  change INTEGER NOT NULL,
  PRIMARY KEY (kind, name, first, last, change)
) STRICT, WITHOUT ROWID;

CREATE INDEX change_subjects_change ON change_subjects (change);
