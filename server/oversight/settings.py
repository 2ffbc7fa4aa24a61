"""Every setting of the server: one documented field each, read once at start and never changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from oversight.credential_settings import check_credentials
from oversight.storage.address import read_address

__all__ = ["Settings"]


class Settings(BaseSettings):
    """Read from flags and ``OVERSIGHT_*`` variables; a flag wins over a variable, a variable over the default."""

    model_config = SettingsConfigDict(env_prefix="OVERSIGHT_", frozen=True, extra="forbid", hide_input_in_errors=True)

    listen: str = Field("127.0.0.1:50051", description="Address of the data port, HOST:PORT.")
    admin_listen: str = Field(
        "127.0.0.1:50052",
        description="Address of the admin port, HOST:PORT: reading records and erasing customers.",
    )
    insecure: bool = Field(default=False, description="Serve beyond loopback without TLS and authentication.")
    authentication: Literal["auto", "required"] = Field(
        "auto",
        description="When calls need credentials: auto is once there are any (a token was made, or client certificates "
        "or JSON Web Tokens are set), and beyond loopback always; required is from the start.",
    )
    authentication_failures_per_s: int = Field(
        10, ge=1, le=1000, description="Calls with wrong credentials that an address may make in a second."
    )
    tls_cert_file: Path | None = Field(None, description="Certificate of the server with its chain, in PEM.")
    tls_key_file: Path | None = Field(None, description="Key of that certificate, in PEM.")
    tls_client_ca_file: Path | None = Field(
        None, description="Authorities of clients, in PEM: every client must show a certificate of theirs."
    )
    admin_tls_cert_file: Path | None = Field(None, description="Certificate of the admin port, if it is another.")
    admin_tls_key_file: Path | None = Field(None, description="Key of that certificate.")
    admin_tls_client_ca_file: Path | None = Field(
        None, description="Authorities of the clients of the admin port, if they are others."
    )
    certificate_roles_file: Path | None = Field(
        None, description="YAML file with the roles of callers by the name in their certificate."
    )
    jwt_issuer: str = Field("", description="Issuer (iss) of the JSON Web Tokens that are taken. Not set: none are.")
    jwt_audience: str = Field("", description="Audience (aud) that they must name.")
    jwt_jwks: str = Field("", description="Keys of the issuer: a JWKS file, or the https URL of one.")
    jwt_jwks_refresh_s: float = Field(300, ge=1, le=86_400, description="Seconds between two looks at that URL.")
    jwt_algorithms: str = Field(
        "RS256,PS256,ES256,Ed25519", description="Signatures that are taken, separated by commas; others never are."
    )
    jwt_roles_claim: str = Field("oversight_roles", min_length=1, description="Claim that has the caller's roles.")
    jwt_tenant_claim: str = Field(
        "", description="Claim that has the caller's tenant, or * for all. Not set: callers are bound to none."
    )
    policy: Path | None = Field(None, description="Folder of rule files. Not set: the default policy of the package.")
    default_policy: str = Field(
        "contact_centre", min_length=1, max_length=64, description="Policy of requests whose department names none."
    )
    policy_poll_s: float = Field(
        1.0, ge=0.05, le=3600, description="Seconds between two looks at the folder of rule files."
    )
    max_policy_age_s: int = Field(
        86_400, ge=0, description="Seconds since the policy was confirmed after which tiers are raised; 0 is never."
    )
    max_threshold_age_s: int = Field(
        300,
        ge=0,
        description="Seconds since the thresholds were confirmed after which tiers are raised; 0 is never.",
    )
    data_dir: Path = Field(Path(".oversight"), description="Folder of keys, journals, the store and hand-over files.")
    store: str = Field(
        "",
        description="Database of the records, postgresql+psycopg://USER@HOST:PORT/DATABASE. Not set: SQLite in "
        "DATA_DIR/records.db.",
    )
    store_password: SecretStr | None = Field(
        None, description="Password of the database's user; only as a variable, where others cannot read it."
    )
    store_password_file: Path | None = Field(
        None, description="File with that password instead, readable for its owner alone."
    )
    store_pool_size: int = Field(2, ge=1, le=64, description="Connections to PostgreSQL that each process has at most.")
    store_connect_timeout_s: float = Field(
        5.0, ge=2, le=60, description="Seconds that a connection to PostgreSQL is waited for."
    )
    store_statement_timeout_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="Seconds that a statement in PostgreSQL may take, half of them for a lock.",
    )
    migrate: bool = Field(default=False, description="Bring the tables of an older version up to date at the start.")
    id_key_file: Path | None = Field(
        None,
        description="File with the id key, shared by replicas. Not set: one is made in DATA_DIR/keys at first start.",
    )
    audit_key_file: Path | None = Field(
        None,
        description="File with the audit key, shared by replicas. Not set: one is made like the id key.",
    )
    workers: int = Field(0, ge=0, le=256, description="Deciding processes; 0 is one for each CPU available.")
    standby: bool = Field(
        default=True,
        description="Keep a second worker ready beside a lone one, to take over at once when that one dies.",
    )
    worker_pinning: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Keep each worker on one CPU; auto does not under a CPU quota, nor in a container with all CPUs.",
    )
    max_waiting_calls: int = Field(
        512,
        ge=1,
        le=100_000,
        description="Calls that may wait in each worker; more are refused.",
    )
    max_message_bytes: int = Field(
        4 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="Largest request, in bytes."
    )
    max_connection_age_s: float = Field(
        60,
        gt=0,
        le=86_400,
        description="Seconds after which a connection is renewed, so that load spreads over workers.",
    )
    journal_segment_bytes: int = Field(
        16 * 1024 * 1024, ge=4096, description="Size in bytes at which a journal segment is closed."
    )
    journal_segment_age_s: float = Field(
        60, gt=0, le=86_400, description="Seconds after which a journal segment is closed."
    )
    journal_max_bytes: int = Field(
        4 * 1024 * 1024 * 1024,
        ge=65_536,
        description="Bytes of journals not yet drained at which each worker stops recording; see on_record_failure.",
    )
    record_sync: Literal["os", "always"] = Field(
        "os",
        description="What a record has to reach before its reply leaves: the operating system, which loses it with "
        "the power, or always the disk.",
    )
    on_record_failure: Literal["tighten", "refuse"] = Field(
        "tighten",
        description="What a decision that cannot be recorded gets: a raised tier, or UNAVAILABLE while health says "
        "NOT_SERVING.",
    )
    drain_interval_s: float = Field(0.5, ge=0.01, le=60, description="Seconds between two drains of the journals.")
    retention_months: int = Field(
        13,
        ge=6,
        le=1200,
        description="Calendar months for which decisions and outcomes are kept; older ones are removed once a day.",
    )
    audit_due_h: float = Field(
        72,
        gt=0,
        le=8760,
        description="Hours after a decision by which its audit is due, and its review where the policy sets no time.",
    )
    loosening_needs_approval: bool = Field(
        default=False,
        description="Let what loosens a threshold wait for a second person, and a stop be released by another than the "
        "one who engaged it; needs authentication.",
    )
    approval_ttl_h: float = Field(
        72, gt=0, le=8760, description="Hours for which a change waits for a second person; then it lapses."
    )
    shutdown_grace_s: float = Field(
        5.0, ge=0, le=600, description="Seconds that calls under way get at a stop, and then the drain again."
    )
    simulated_clock: Path | None = Field(
        None,
        description="File that all time is read from, for simulations on loopback alone: 8 bytes, microseconds since "
        "1970 (UTC) as a little-endian integer. Not set: the machine's time.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe log line shown.")
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="Form of log lines; auto is text on a terminal, else JSON."
    )

    def told_to_child(self) -> dict[str, Any]:
        """Return every setting as JSON has it, the secret in clear: for the standard input of a child, nothing else."""
        word = None if self.store_password is None else self.store_password.get_secret_value()
        return self.model_dump(mode="json") | {"store_password": word}

    @model_validator(mode="before")
    @classmethod
    def _part_store_and_password(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Take the password out of the URL, so that this can be shown."""
        if not given.get("store"):
            return given
        try:
            url, password = read_address(str(given["store"]))
        except ValueError as problem:
            raise ValueError(f"store (--store, OVERSIGHT_STORE): {problem}") from None
        given = {**given, "store": url}
        named = [name for name in ("store_password", "store_password_file") if given.get(name)]
        if len(named) + bool(password) > 1:
            raise ValueError(
                "the store's password is given more than once: it belongs into OVERSIGHT_STORE, or into "
                "OVERSIGHT_STORE_PASSWORD, or into a file (--store-password-file, OVERSIGHT_STORE_PASSWORD_FILE)"
            )
        return {**given, "store_password": password} if password else given

    @model_validator(mode="after")
    def _credentials_fit(self) -> Settings:
        check_credentials(self)
        return self

    @model_validator(mode="after")
    def _segment_fits_limit(self) -> Settings:
        if self.journal_segment_bytes > self.journal_max_bytes:
            raise ValueError(
                f"journal_segment_bytes ({self.journal_segment_bytes}) is above journal_max_bytes "
                f"({self.journal_max_bytes}): a segment must fit into the limit"
            )
        return self

    @model_validator(mode="after")
    def _simulation_has_its_own_store(self) -> Settings:
        if self.simulated_clock is not None and self.store:
            raise ValueError(
                "simulated_clock (--simulated-clock, OVERSIGHT_SIMULATED_CLOCK) and store (--store, OVERSIGHT_STORE) "
                "are both set: retention would remove by a time that is not real; leave one of them out"
            )
        return self
