-- A ledger as version 2 of its schema had it.
BEGIN TRANSACTION;
CREATE TABLE checkpoint (
	id INTEGER NOT NULL, 
	day TEXT NOT NULL, 
	"offset" INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE images (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	state TEXT NOT NULL, 
	path BLOB NOT NULL, 
	root BLOB NOT NULL, 
	identity TEXT NOT NULL, 
	noticed_by TEXT NOT NULL, 
	seen_at FLOAT NOT NULL, 
	not_before FLOAT NOT NULL, 
	attempts INTEGER NOT NULL, 
	trouble TEXT, 
	job INTEGER, 
	claimed_at FLOAT, 
	sha256 TEXT, 
	category TEXT, 
	label TEXT, 
	confidence FLOAT, 
	top_predictions TEXT, 
	width INTEGER, 
	height INTEGER, 
	duplicate_of INTEGER, 
	decode_ms FLOAT, 
	infer_ms FLOAT, 
	model TEXT, 
	taxonomy TEXT, 
	reason TEXT, 
	detail TEXT, 
	intended TEXT, 
	destination BLOB, 
	finished_at FLOAT, 
	move_ms FLOAT, 
	journaled INTEGER DEFAULT '0' NOT NULL
);
CREATE TABLE jobs (
	id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	started_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	found INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE token (
	id INTEGER NOT NULL, 
	token TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "token" VALUES(1,'27ed486418a53380');
CREATE INDEX answers ON images (sha256) WHERE infer_ms IS NOT NULL;
CREATE INDEX by_job ON images (job, state) WHERE job IS NOT NULL;
CREATE INDEX next_to_claim ON images (not_before, id) WHERE state = 'waiting';
CREATE UNIQUE INDEX one_open_per_path ON images (path) WHERE state IN ('claimed', 'classified', 'waiting');
CREATE INDEX unjournaled ON images (id) WHERE journaled = 0 AND finished_at IS NOT NULL;
PRAGMA user_version = 2;
COMMIT;
