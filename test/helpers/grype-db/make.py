"""Makes a vulnerability database in Grype's format (schema 6) from a few advisories: a tar.gz that `grype db import` takes.

The same advisories always give the same bytes.

    python3 make.py ../../fixtures/grype-db/advisories.json ../../fixtures/grype-db/grype-db.tar.gz
"""

import gzip
import io
import json
import os
import sqlite3
import sys
import tarfile
import tempfile

TABLES = """
create table blobs(id integer primary key autoincrement, value text not null);
create table db_metadata(build_timestamp datetime not null, model integer not null, revision integer not null, addition integer not null);
create table providers(id text primary key, version text, processor text, date_captured datetime, input_digest text);
create table vulnerability_handles(id integer primary key autoincrement, name text not null, status text not null, published_date datetime, modified_date datetime, withdrawn_date datetime, provider_id text not null, blob_id integer);
create table vulnerability_aliases(name text, alias text not null, primary key(name, alias));
create table affected_package_handles(id integer primary key autoincrement, vulnerability_id integer not null, operating_system_id integer, package_id integer, blob_id integer);
create table unaffected_package_handles(id integer primary key autoincrement, vulnerability_id integer not null, operating_system_id integer, package_id integer, blob_id integer);
create table operating_systems(id integer primary key autoincrement, name text, release_id text, major_version text, minor_version text, label_version text, codename text, channel text, eol_date datetime, eoas_date datetime);
create table operating_system_specifier_overrides(alias text, version text, version_pattern text, codename text, channel text, replacement text, replacement_major_version text, replacement_minor_version text, replacement_label_version text, replacement_channel text, rolling numeric, applicable_client_db_schemas text);
create table packages(id integer primary key autoincrement, ecosystem text, name text);
create table package_specifier_overrides(ecosystem text, replacement_ecosystem text);
create table architecture_aliases(alias text primary key, canonical text not null);
create table cpes(id integer primary key autoincrement, part text, vendor text, product text, edition text, language text, software_edition text, target_hardware text, target_software text, other text);
create table package_cpes(package_id integer, cpe_id integer, primary key(package_id, cpe_id));
create table affected_cpe_handles(id integer primary key autoincrement, vulnerability_id integer not null, cpe_id integer, blob_id integer);
create table unaffected_cpe_handles(id integer primary key autoincrement, vulnerability_id integer not null, cpe_id integer, blob_id integer);
create table known_exploited_vulnerability_handles(id integer primary key, cve text not null, blob_id integer);
create table epss_handles(id integer primary key, cve text not null, epss real not null, percentile real not null);
create table epss_metadata(date datetime not null);
create table cwe_handles(id integer primary key, cve text not null, cwe text not null, source text, type text);
create table ssvc_handles(id integer primary key);
"""


def blob(database, value):
    return database.execute("insert into blobs(value) values(?)", (json.dumps(value),)).lastrowid


def add(database, row, systems, packages):
    release, source, fixed = row["Release"], row["Source"], row.get("Fixed")
    if release not in systems:
        systems[release] = database.execute(
            "insert into operating_systems(name, release_id, major_version, minor_version, label_version, codename, channel)"
            " values('debian', 'debian', ?, '', '', '', '')",
            (release,),
        ).lastrowid
    if source not in packages:
        packages[source] = database.execute(
            "insert into packages(ecosystem, name) values('deb', ?)", (source,)
        ).lastrowid
    about = {
        "id": row["ID"],
        "severities": [{"scheme": "CHMLN", "value": row["Severity"].lower(), "rank": 1}],
        "refs": [{"url": "https://security-tracker.debian.org/tracker/" + row["ID"]}],
    }
    handle = database.execute(
        "insert into vulnerability_handles(name, status, provider_id, blob_id) values(?, 'active', 'debian', ?)",
        (row["ID"], blob(database, about)),
    ).lastrowid
    affected = {
        "version": {"type": "dpkg", "constraint": "< " + fixed if fixed else ""},
        "fix": {"version": fixed or "", "state": "fixed" if fixed else "not-fixed"},
    }
    database.execute(
        "insert into affected_package_handles(vulnerability_id, operating_system_id, package_id, blob_id) values(?, ?, ?, ?)",
        (handle, systems[release], packages[source], blob(database, {"cves": [row["ID"]], "ranges": [affected]})),
    )


def make(data, path):
    database = sqlite3.connect(path)
    database.executescript(TABLES)
    made = data["UpdatedAt"].replace("T", " ").replace("Z", "+00:00")
    database.execute("insert into db_metadata values(?, 6, 1, 9)", (made,))
    database.execute("insert into providers values('debian', '1', 'fixture@1', ?, 'xxh64:0')", (made,))
    systems, packages = {}, {}
    for row in data["Advisories"]:
        add(database, row, systems, packages)
    database.commit()
    database.execute("vacuum")
    database.close()


def main(advisories, out):
    with open(advisories, encoding="utf-8") as file:
        data = json.load(file)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "vulnerability.db")
        make(data, path)
        with open(path, "rb") as file:
            content = file.read()
    entry = tarfile.TarInfo("vulnerability.db")
    entry.size = len(content)
    with gzip.GzipFile(out, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(entry, io.BytesIO(content))


main(*sys.argv[1:])
