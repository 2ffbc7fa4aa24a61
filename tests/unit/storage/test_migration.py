"""The way from one layout of the store to another, with records, on both databases."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event

from contract.samples import a_record, a_request, an_id, an_outcome_record
from oversight.errors import StoreUnavailableError, StoreVersionError, UsageError
from oversight.storage import migrations
from oversight.storage.database import Database
from oversight.storage.evidence_feed import EvidenceFeed
from oversight.storage.evidence_tables import metadata
from oversight.storage.migration import EMPTY, Migrated, migrate, prepare_schema, read_revision
from oversight.storage.migrations import versions
from oversight.storage.open import open_database
from oversight.storage.records import Added
from oversight.storage.schema import REVISION, REVISIONS
from oversight.storage.sql import SqlStore
from oversight.storage.verification import verify_store
from places import Place, PostgresPlace

NEWEST_VERSION = int(REVISION) + 1
OUTCOME = """
    INSERT INTO outcomes
    (outcome_id, body_sha256, status, received_at_us, caller, decision_id, writer, chain_seq, chain_hash, caller_tenant)
    VALUES ('o', 'b', 1, 1, 'c', 'd', 'w', 1, 'h', 'acme')
"""
CHECKPOINT = "INSERT INTO retention_checkpoints VALUES ('w', 'decisions', 5, 'h', 1, 5, 2, 'k', 's')"


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    """Return the database of that place, empty."""
    opened = open_database(place.url, read_only=False)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def make_store(place: Place) -> Iterator[Callable[..., SqlStore]]:
    """Return a maker of stores in that place."""
    made: list[SqlStore] = []

    def make(**options: Any) -> SqlStore:
        made.append(SqlStore(place.url, writer="replica-1", **options))
        return made[-1]

    yield make
    for store in made:
        store.close()


def make_legacy(place: Place, database: Database) -> None:
    """Bring the database to where servers before there were revisions left it, with records."""
    store = SqlStore(place.url, writer="replica-1")
    store.add([a_record(1), a_record(2)], [an_outcome_record(1)])
    store.put_snapshot("d1", "{}")
    store.close()
    migrate(database, REVISIONS[0])
    place.ask("DROP TABLE alembic_version")
    assert [(2,)] == place.ask("SELECT version FROM schema_version")


def _parts(sql: str) -> list[str]:
    """Return what a table consists of: lines and order are the writer's, and a column may be added behind the rest."""
    if not sql.startswith("CREATE TABLE"):
        return [" ".join(sql.split())]
    head, _, rest = sql.partition("(")
    body, _, tail = rest.rpartition(")")
    # Not at the commas within the parentheses of a constraint.
    return sorted([head.strip(), tail.strip(), *re.split(r"\s*,\s*(?![^(]*\))", body.strip())])


def layout(place: Place) -> list[Any]:
    """Return all that the database itself says of its tables, but for Alembic's own."""
    if isinstance(place, PostgresPlace):
        columns = place.ask(
            # Their order: a column that was removed and added again has another number.
            "SELECT table_name, row_number() OVER (PARTITION BY table_name ORDER BY ordinal_position),"
            " column_name, data_type, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_schema = 'public'"
        )
        indexes = place.ask("SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
        limits = place.ask(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace"
        )
        found = [*columns, *indexes, *limits]
    else:
        found = [(name, _parts(sql or "")) for name, sql in place.ask("SELECT name, sql FROM sqlite_master")]
        columns = [
            (table, *column)
            for table in metadata.tables
            for column in place.ask(f"SELECT cid, name, type FROM pragma_table_info('{table}')")  # noqa: S608 - our own names
        ]
        found += columns
    return sorted((row for row in found if "alembic" not in row[0]), key=repr)


def test_what_was_migrated_and_what_was_made_new_are_the_same(place: Place, database: Database, tmp_path: Path) -> None:
    """Two layouts under one number would be found out by a customer."""
    assert Migrated(EMPTY, "0001") == migrate(database, "0001")
    assert Migrated("0001", REVISION) == migrate(database)
    migrated = layout(place)
    for table in ("alembic_version", *(table.name for table in metadata.sorted_tables)):
        place.ask(f"DROP TABLE {table}")
    assert EMPTY == read_revision(database)

    assert Migrated(EMPTY, REVISION) == migrate(database)

    assert migrated == layout(place)
    assert len(migrated) > len(metadata.tables)


def test_the_migrated_tables_are_those_that_the_code_uses(database: Database) -> None:
    """As Alembic itself compares them."""
    migrate(database, "0001")
    migrate(database)

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert [] == compare_metadata(context, metadata)


def test_a_database_of_before_there_were_revisions_is_taken_over_with_its_records(
    place: Place, database: Database, make_store: Callable[..., SqlStore]
) -> None:
    """Nobody starts anew because the server was updated."""
    make_legacy(place, database)
    assert "0001" == read_revision(database)

    assert Migrated("0001", REVISION) == migrate(database)

    store = make_store()
    assert Added(decisions=1, duplicates=2) == store.add([a_record(2), a_record(3)], [an_outcome_record(1)])
    found = store.find_decision(an_id(1))
    assert found is not None
    assert ["outcome-1"] == [one.outcome.outcome_id for one in found.outcomes]
    assert "{}" == store.get_snapshot("d1")
    report = verify_store(database.engine, key=None)
    assert ((), 4) == (tuple(report.findings), sum(chain.records for chain in report.chains))
    assert [(1,), (2,), (3,)] == place.ask("SELECT chain_seq FROM decisions ORDER BY chain_seq")


def test_down_and_up_again_loses_nothing(place: Place, database: Database, make_store: Callable[..., SqlStore]) -> None:
    """Whoever has to go back to the version before must not pay for it with records."""
    make_store().add([a_record(1)], [])
    before = place.ask("SELECT * FROM decisions"), place.ask("SELECT * FROM personal_parts"), layout(place)

    assert Migrated(REVISION, "0001") == migrate(database, "0001")
    assert Migrated("0001", "0001") == migrate(database, "0001")
    assert [(2,)] == place.ask("SELECT version FROM schema_version")
    assert Migrated("0001", REVISION) == migrate(database)

    assert before == (place.ask("SELECT * FROM decisions"), place.ask("SELECT * FROM personal_parts"), layout(place))
    assert [(NEWEST_VERSION,)] == place.ask("SELECT version FROM schema_version")


def _texts(rows: Any, columns: int) -> str:
    """Return rows as SQL values, the first *columns* of each."""
    return ", ".join(
        f"({', '.join('NULL' if value is None else repr(value) for value in row[:columns])})" for row in rows
    )


def test_what_was_learnt_before_is_made_anew_and_counts_nothing_twice(
    place: Place, database: Database, make_store: Callable[..., SqlStore]
) -> None:
    """Two labels of one draft would go on proving twice as much, and a verdict meant something else before."""
    store = make_store()
    store.add(
        [a_record(number, a_request(number, request_id="one")) for number in (1, 2)],
        [an_outcome_record(number, label_basis=1) for number in (1, 2)],
    )
    feed = EvidenceFeed(store)
    while feed.step().more:
        pass
    learnt = "SELECT decision_id, loss, verdict, review_time_s, draft_key FROM evidence ORDER BY decision_id"
    names = ("cells", "hours", "feedback_cursors", "evidence")
    tables = {name: sorted(place.ask(f"SELECT * FROM {name}"), key=repr) for name in names}  # noqa: S608 - our own names
    before, labelled = place.ask(learnt), place.ask("SELECT labelled FROM cells")
    assert ([None, 0], [(1,)]) == ([row[1] for row in before], labelled)

    assert Migrated("0008", "0007") == migrate(database, "0007")
    assert [] == place.ask("SELECT * FROM evidence")
    for table, rows in tables.items():
        width = len(rows[0]) - (table == "evidence")
        place.ask(f"INSERT INTO {table} VALUES {_texts(rows, width)}")  # noqa: S608 - our own names
    # As the server of before had it: each by itself.
    place.ask("UPDATE evidence SET loss = 0, basis = 1, verdict = 4, review_time_s = 60")
    place.ask("UPDATE cells SET labelled = 2")
    assert Migrated("0007", "0008") == migrate(database, "0008")
    while feed.step().more:
        pass

    assert (before, labelled) == (place.ask(learnt), place.ask("SELECT labelled FROM cells"))
    assert (tables["hours"], tables["feedback_cursors"]) == (
        sorted(place.ask("SELECT * FROM hours"), key=repr),
        sorted(place.ask("SELECT * FROM feedback_cursors"), key=repr),
    )


def test_no_way_down_drops_a_checkpoint_of_retention(place: Place, database: Database) -> None:
    """Without it a chain whose beginning was removed proves nothing."""
    migrate(database)
    place.ask(CHECKPOINT)

    with pytest.raises(UsageError, match="no place for the 1 checkpoints"):
        migrate(database, "0001")

    assert REVISION == read_revision(database)
    assert [(1,)] == place.ask("SELECT count(*) FROM retention_checkpoints")


def test_a_step_that_fails_leaves_the_database_as_it_was(place: Place, database: Database) -> None:
    """Half a layout is known to no version."""
    make_legacy(place, database)
    place.ask("CREATE TABLE retention_checkpoints (other text)")

    with pytest.raises(StoreUnavailableError, match=r"the store cannot be migrated: .*already exists"):
        migrate(database)

    assert "0001" == read_revision(database)
    assert [(2,)] == place.ask("SELECT version FROM schema_version")
    assert [(2,)] == place.ask("SELECT count(*) FROM decisions")


def test_a_server_refuses_older_tables_and_says_what_to_run(
    place: Place, database: Database, make_store: Callable[..., SqlStore]
) -> None:
    """It must not change somebody's database unasked."""
    make_legacy(place, database)

    with pytest.raises(
        StoreVersionError,
        match=rf"has revision 0001, this server needs {REVISION}: run `oversight store migrate`.*--migrate",
    ):
        make_store().add([a_record(3)], [])
    with pytest.raises(StoreUnavailableError, match="cannot be read: the database has revision 0001"):
        make_store(read_only=True).find_decision(an_id(1))

    assert "0001" == read_revision(database)


def test_a_server_that_may_migrates_by_itself(
    place: Place, database: Database, make_store: Callable[..., SqlStore]
) -> None:
    """With --migrate, at the first write: also where the store was away at the start."""
    make_legacy(place, database)
    store = make_store(migrate=True)

    store.prepare()

    assert REVISION == read_revision(database)
    assert Added(decisions=1) == store.add([a_record(3)], [])


@pytest.mark.parametrize("may_migrate", [True, False])
def test_nobody_touches_newer_tables(
    place: Place, database: Database, make_store: Callable[..., SqlStore], may_migrate: bool
) -> None:
    """What they mean is known to a newer version only."""
    migrate(database)
    place.ask("UPDATE alembic_version SET version_num = '0777'")

    for what in (make_store(migrate=may_migrate).prepare, lambda: migrate(database)):
        with pytest.raises(
            StoreVersionError, match=rf"revision 0777, which this server does not know; it needs {REVISION}"
        ):
            what()

    assert "0777" == read_revision(database)


def test_a_layout_from_before_the_first_revision_is_refused(place: Place, database: Database) -> None:
    """Nothing is known of it."""
    migrate(database, "0001")
    place.ask("DROP TABLE alembic_version")
    place.ask("UPDATE schema_version SET version = 1")

    for what in (read_revision, migrate, lambda one: prepare_schema(one, migrate=True)):
        with pytest.raises(StoreVersionError, match=rf"schema version 1 and no revision.*needs revision {REVISION}"):
            what(database)


def test_tables_of_others_under_our_names_are_left_alone(place: Place, make_store: Callable[..., SqlStore]) -> None:
    """A database may be shared; a table called "decisions" may be anybody's."""
    place.ask("CREATE TABLE outcomes (theirs text)")

    with pytest.raises(StoreUnavailableError, match=r"outcomes.* already exists"):
        make_store().add([a_record(1)], [])

    with pytest.raises(Exception, match="decisions"):
        place.ask("SELECT count(*) FROM decisions")


@pytest.mark.parametrize("legacy", [True, False])
def test_replicas_that_start_at_the_same_moment_migrate_once(place: Place, database: Database, legacy: bool) -> None:
    """All are started by one command."""
    if legacy:
        make_legacy(place, database)
    databases = [open_database(place.url, read_only=False) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda one: prepare_schema(one, migrate=True), databases))
    for one in databases:
        one.engine.dispose()

    assert REVISION == read_revision(database)
    assert [(NEWEST_VERSION,)] == place.ask("SELECT version FROM schema_version")
    assert [(REVISION,)] == place.ask("SELECT version_num FROM alembic_version")


def test_tables_that_another_server_makes_between_two_looks_are_known(postgres_url: str) -> None:
    """The first start of two replicas at once: the one that comes second must not refuse what the first one made."""
    ours, theirs = (open_database(postgres_url, read_only=False) for _ in range(2))
    looks: list[str] = []

    def interrupt(_connection: Connection, _cursor: Any, statement: str, *_others: Any) -> None:
        looks.append(statement)
        if len([look for look in looks if "pg_class" in look]) == 1 and "pg_class" in statement:
            assert Migrated(EMPTY, REVISION) == migrate(theirs)

    event.listen(ours.engine, "after_cursor_execute", interrupt)
    assert REVISION == read_revision(ours)
    assert 2 == len([look for look in looks if "pg_class" in look]), "it came between the two"
    for database in (ours, theirs):
        database.engine.dispose()


def test_only_a_known_revision_can_be_asked_for(database: Database) -> None:
    """Also not "base", which would be the end of every record."""
    for name in ("0009", "base", "head", ""):
        with pytest.raises(UsageError, match=f"known are {', '.join(REVISIONS)}"):
            migrate(database, name)


def test_the_first_revision_has_no_way_down() -> None:
    """There is nothing below but the loss of every record."""
    first = importlib.import_module("oversight.storage.migrations.versions.r0001_tables")

    with pytest.raises(UsageError, match="there are no records"):
        first.downgrade()


def test_the_revisions_that_the_server_knows_are_those_that_there_are() -> None:
    """A step that was added without its number would never be run."""
    config = Config()
    config.set_main_option("script_location", str(Path(next(iter(migrations.__path__)))))
    scripts = ScriptDirectory.from_config(config)

    assert list(REVISIONS) == [script.revision for script in scripts.walk_revisions()][::-1]
    assert len(REVISIONS) == len(list(pkgutil.iter_modules(versions.__path__)))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("INSERT INTO control_events VALUES (1, 1, 'k', 'a', 'j', '{}', 'control', 1, 'h')", "1 changes and stops"),
        (
            OUTCOME,
            "the tenants of the 1 outcomes",
        ),
        ("INSERT INTO tokens VALUES ('t', 'd', 'n', 'r', NULL, 1, 'a', NULL, NULL)", "1 tokens"),
    ],
)
def test_no_way_down_drops_what_an_older_server_would_not_heed(
    place: Place, database: Database, statement: str, said: str
) -> None:
    """It would let the AI act that somebody stopped."""
    migrate(database)
    place.ask(statement)

    with pytest.raises(UsageError, match=f"no place for (the )?{said}"):
        migrate(database, "0002")

    assert REVISION == read_revision(database)
