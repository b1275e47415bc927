BEGIN TRANSACTION;
CREATE TABLE entries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    target TEXT NOT NULL,
    pass_id INTEGER NOT NULL,
    operation TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    action TEXT NOT NULL,
    moves TEXT NOT NULL,
    objects TEXT NOT NULL,
    names TEXT NOT NULL,
    at DOUBLE NOT NULL,
    destructive INTEGER NOT NULL,
    charged INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    how TEXT NOT NULL,
    settled_at DOUBLE,
    seal TEXT NOT NULL,
    CONSTRAINT fk_entries_target FOREIGN KEY(target) REFERENCES targets (name),
    CONSTRAINT fk_entries_pass_id FOREIGN KEY(pass_id) REFERENCES passes (id)
);
INSERT INTO "entries" VALUES(1,'default',1,'deleteUser','POST','/admin/user','delete','["delete/User/bob"]','[["User",["LOCAL","bob"]]]','["bob"]',1800000000.0,1,1,'open','','',NULL,'a190e9f09854:9ae24dfad0f008490dd8e3b4a11577972bea104ce50b34cf3a7a5227ddf8fc60');
CREATE TABLE owned (
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    identity TEXT NOT NULL,
    object_id TEXT,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    keep BOOLEAN NOT NULL,
    adopted BOOLEAN NOT NULL,
    seal TEXT NOT NULL,
    CONSTRAINT pk_owned PRIMARY KEY (target, kind, identity),
    CONSTRAINT fk_owned_target FOREIGN KEY(target) REFERENCES targets (name)
);
INSERT INTO "owned" VALUES('default','User','["LOCAL","alice"]','7','alice','alice',0,0,'a190e9f09854:9c780403cc11eada67f2538de9fbc58e47870ab4187f5fd37c052403c8f50efa');
CREATE TABLE passes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    target TEXT NOT NULL,
    at DOUBLE NOT NULL,
    mode TEXT NOT NULL,
    revision TEXT,
    digest TEXT,
    ended DOUBLE,
    verdict TEXT,
    summary TEXT NOT NULL,
    outcomes TEXT NOT NULL,
    CONSTRAINT fk_passes_target FOREIGN KEY(target) REFERENCES targets (name)
);
INSERT INTO "passes" VALUES(1,'default',1800000000.0,'apply',NULL,NULL,NULL,NULL,'{}','[]');
CREATE TABLE refused_logins (
    target TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    at DOUBLE NOT NULL,
    CONSTRAINT pk_refused_logins PRIMARY KEY (target, fingerprint),
    CONSTRAINT fk_refused_logins_target FOREIGN KEY(target) REFERENCES targets (name)
);
INSERT INTO "refused_logins" VALUES('default','k:1',1800000000.0);
CREATE TABLE schema_version (
    version INTEGER NOT NULL,
    CONSTRAINT pk_schema_version PRIMARY KEY (version)
);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE sent (
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    identity TEXT NOT NULL,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    at DOUBLE NOT NULL,
    seal TEXT NOT NULL,
    CONSTRAINT pk_sent PRIMARY KEY (target, kind, identity, path),
    CONSTRAINT fk_sent_target FOREIGN KEY(target) REFERENCES targets (name)
);
INSERT INTO "sent" VALUES('default','User','["LOCAL","alice"]','/password','k:f',1800000000.0,'a190e9f09854:ec67105385874687f6e24a391c3e0ecdd6c8c01884c21d457f29cd663f5bd504');
CREATE TABLE targets (
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    lineage TEXT NOT NULL,
    made DOUBLE NOT NULL,
    charged INTEGER NOT NULL,
    seal TEXT NOT NULL,
    CONSTRAINT pk_targets PRIMARY KEY (name)
);
INSERT INTO "targets" VALUES('default','https://control-center.example:8892','876c0946-e8dd-48c5-9387-c718dff9a7f2',1.79534263838551568989e+09,1,'a190e9f09854:5e4d086470a62ce3dd1a7e52858eef69605aadad926ec6fec607907ce423674a');
CREATE TABLE unfinished (
    entry INTEGER NOT NULL,
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    identity TEXT NOT NULL,
    fields TEXT NOT NULL,
    seal TEXT NOT NULL,
    CONSTRAINT pk_unfinished PRIMARY KEY (entry, target, kind, identity),
    CONSTRAINT fk_unfinished_entry FOREIGN KEY(entry) REFERENCES entries (id),
    CONSTRAINT fk_unfinished_target FOREIGN KEY(target) REFERENCES targets (name)
);
INSERT INTO "unfinished" VALUES(1,'default','User','["LOCAL","bob"]','{"email":"bob@example.com"}','a190e9f09854:4ee827533a636ed7c4cff622e6be7fb99f725762fc470f51433b902b4fcb52b4');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('passes',1);
INSERT INTO "sqlite_sequence" VALUES('entries',1);
COMMIT;
