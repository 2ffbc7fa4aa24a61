"""The token that a client shows."""

from __future__ import annotations

import pytest

from oversight_client import AdminClient, AsyncClient, Client, TokenFileError
from oversight_client.bearer import Bearer


def test_a_token_goes_ahead_of_every_call():
    """As RFC 6750 has it."""
    assert (("authorization", "Bearer ovs_x"),) == Bearer("ovs_x").metadata()


def test_a_file_is_read_again_when_it_is_another(tmp_path):
    """A token is renewed under a client that runs on; a file in the moment of being replaced changes nothing."""
    now_s = [0.0]
    file = tmp_path / "token"
    file.write_text("first\n")
    bearer = Bearer(token_file=file, clock=lambda: now_s[0])
    seen = []
    for content in ("second", None, "a b", "third"):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_text(content)
        seen.append(bearer.metadata()[0][1])
        now_s[0] += 1
        seen.append(bearer.metadata()[0][1])
    tokens = ["first", "second", "second", "second", "second", "second", "second", "third"]
    assert [f"Bearer {token}" for token in tokens] == seen


@pytest.mark.parametrize("kind", [Client, AdminClient, AsyncClient])
def test_what_is_no_token_is_said_when_the_client_is_made(kind, tmp_path):
    """A line feed in a header would be another header."""
    with pytest.raises(TokenFileError, match="No such file"):
        kind(token_file=tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(TokenFileError, match="expected the token in one line"):
        kind(token_file=tmp_path / "empty")
    with pytest.raises(ValueError, match="expected one of them"):
        kind(token="a", token_file=tmp_path / "empty")  # noqa: S106 - no secret
    with pytest.raises(ValueError, match="printable ASCII"):
        kind(token="a\nb")  # noqa: S106 - no secret
