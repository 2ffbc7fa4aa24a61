"""`oversight serve`: settings reach the server, and its exit code reaches the shell."""

import subprocess
import sys
from pathlib import Path

OVERSIGHT = Path(sys.executable).with_name("oversight")


def test_a_flag_wins_over_its_variable_and_the_servers_exit_code_is_the_commands(tmp_path):
    """The address refused below is the flag's: the variable's would have been served."""
    result = subprocess.run(
        [OVERSIGHT, "serve", "--listen", "nowhere", "--data-dir", tmp_path / "data"],
        env={"OVERSIGHT_LISTEN": "127.0.0.1:0", "OVERSIGHT_WORKRS": "2"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert 1 == result.returncode
    assert "'nowhere'" in result.stderr
    assert "did you mean OVERSIGHT_WORKERS?" in result.stderr
    assert not (tmp_path / "data").exists()
