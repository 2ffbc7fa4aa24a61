"""`python -m oversight.app`: the processes that the supervisor starts. People use `oversight serve`."""

from __future__ import annotations

import argparse
import sys

from oversight.app.children import end_with_parent, read_brief
from oversight.app.clock import use_simulated_clock
from oversight.errors import OversightError


def main() -> int:
    """Run one process of the server; settings come on standard input. Return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m oversight.app", description=__doc__)
    roles = parser.add_subparsers(dest="role", required=True)
    roles.add_parser("controller", help="publishes rules, thresholds and stops, serves the admin port")
    roles.add_parser("keeper", help="drains journals, and looks after what is in the store")
    worker = roles.add_parser("worker", help="answers calls")
    worker.add_argument("--index", type=int, required=True)
    worker.add_argument("--in-turn", action="store_true", help="one worker serves, the others wait for its end")
    supervisor = roles.add_parser("serve", help="the supervisor, with settings from the environment")
    supervisor.add_argument(
        "--parent", type=int, metavar="PID", help="the process that starts it, and that it ends with"
    )
    arguments = parser.parse_args()
    try:
        if arguments.role == "serve":
            from oversight.app.supervisor import serve  # each process loads only what it needs
            from oversight.settings import Settings

            if arguments.parent is not None:
                end_with_parent(arguments.parent)
            return serve(Settings())
        brief = read_brief(sys.stdin.buffer.read())
        end_with_parent(brief.parent)
        use_simulated_clock(brief.settings.simulated_clock)
        if arguments.role == "controller":
            from oversight.app.controller import run_controller  # as above

            return run_controller(brief.settings)
        if arguments.role == "keeper":
            from oversight.app.keeper import run_keeper  # as above

            return run_keeper(brief.settings)
        from oversight.app.worker import run_worker  # as above

        return run_worker(brief.settings, arguments.index, generation=brief.generation, in_turn=arguments.in_turn)
    except OversightError as error:
        sys.stderr.write(f"oversight {arguments.role}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
