"""`assent serve --demo`: what `bin/dev` starts. Each further demo keeps the data and adds only new links."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import psycopg
import pytest

from app.cli.demo import CAST
from app.cli.serve import sample_address
from app.embedded import find_running
from tests.processes.harness import ASSENT, Managed, assent, environment, free_port

pytestmark = pytest.mark.processes

LINK = re.compile(r"http://\S+/sign-in/\S+")


def test_the_demo_is_made_once_and_everybody_gets_a_new_link_each_time(tmp_path):
    settings = {"ASSENT_DATA_DIR": str(tmp_path), "ASSENT_PORT": str(free_port())}
    serve = Managed("serve", [*ASSENT, "serve", "--demo"], environment(**settings), "Open  http")
    try:
        serve.start()
        first = LINK.findall(serve.logs)
        assert len(first) == len(CAST) == 6
        with urllib.request.urlopen(first[0], timeout=10) as page:
            assert CAST[0].name in page.read().decode()
        runs = json.loads(assent("run", "list", "--json", **settings).stdout)
        assert [(run["workflow"], run["started_by"]) for run in runs] == [("database_maintenance", "Release engineer")]
        assert runs[0]["input"]["target"] == "shop"
        assert (tmp_path / "maintenance" / runs[0]["input"]["workload"]).is_file()
        with psycopg.connect(find_running(tmp_path)) as database:
            [(text,)] = database.execute("SELECT examples FROM workflows WHERE name = 'package_deployment'")
            asked = database.execute("SELECT count(*) FROM approval_requests WHERE run_id IS NULL").fetchone()
        assert asked and asked[0] > 60
        examples = json.loads(text)
        assert examples and all(Path(example["package"]).is_file() for example in examples)
        folders = {"ASSENT_INPUT_FOLDERS": str(tmp_path / "example-packages")}
        given = json.dumps(examples[0])
        done = assent("run", "start", "package_deployment", "--input", given, **settings, **folders)
        assert done.returncode == 0, done.stderr
        runs = json.loads(assent("run", "list", "--json", **settings).stdout)
        with psycopg.connect(find_running(tmp_path, "shop")) as shop:
            assert shop.execute("SELECT count(*) FROM orders").fetchone() == (300_000,)
            shop.execute("DELETE FROM shipments")
            shop.commit()

        # What each start of `assent serve --demo` runs.
        database = {"ASSENT_DATABASE_URL": find_running(tmp_path)}
        done = assent("demo", "--sample", find_running(tmp_path, "shop"), **settings, **database)
        assert done.returncode == 0, done.stderr
        second = LINK.findall(done.stdout)
        assert len(second) == 6
        assert not set(first) & set(second)
        with psycopg.connect(find_running(tmp_path)) as opened:
            assert opened.execute("SELECT count(*) FROM approval_requests WHERE run_id IS NULL").fetchone() == asked
        again = json.loads(assent("run", "list", "--json", **settings).stdout)
        assert [run["id"] for run in again] == [run["id"] for run in runs]
        with psycopg.connect(find_running(tmp_path, "shop")) as shop:
            assert shop.execute("SELECT count(*) FROM shipments").fetchone() == (0,), "what was done to it stays"
        assert serve.stop() == 0
    finally:
        if serve.running:
            serve.stop()


def test_on_a_given_server_the_sample_is_named_after_our_database():
    assert sample_address("postgresql://u@db.example/desk?sslmode=require", None) == (
        "postgresql://u@db.example/desk_shop?sslmode=require"
    )
