"""Write requirements.lock from pyproject.toml: `./skycam lock`.

Two sections in one file, because `./skycam up` installs only what runs at night: everything up to the line
`# --- development ---` is for `up`, the rest is added for `./skycam test`. Pins and hashes, no address.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
MARK = "# --- development ---\n"
HEAD = "# Pins and hashes of all packages, written by `./skycam lock` from pyproject.toml; do not edit.\n"


def compile_pins(*options: str) -> list[str]:
    """One string per pinned package, its hashes included."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--universal", "--generate-hashes", "--no-annotate"),
        *("--no-header", "--python-version", "3.11", "--quiet", *options, "pyproject.toml"),
    ]
    text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return re.findall(r"^[^\s#].*\n(?:[ \t].*\n)*", text, flags=re.MULTILINE)


def main() -> None:
    """Resolve once with the development tools, so that both sections agree, then split."""
    everything = compile_pins("--extra", "dev", *sys.argv[1:])
    pins = ROOT / "var" / "lock-constraints.txt"
    pins.parent.mkdir(exist_ok=True)
    pins.write_text("".join(block.split("\\")[0].strip() + "\n" for block in everything))
    runtime = compile_pins("--constraint", str(pins))
    names = {block.split("==")[0] for block in runtime}
    development = [block for block in everything if block.split("==")[0] not in names]
    LOCK.write_text(HEAD + "".join(runtime) + MARK + "".join(development))
    sys.stdout.write(f"{LOCK.name}: {len(runtime)} packages for up, {len(development)} more for tests\n")


if __name__ == "__main__":
    main()
