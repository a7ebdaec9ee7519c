# Sourced by every command in script/: strict mode, where the project is, how to talk.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034  # used by the scripts that source this file
build=$root/build

note() { printf '==> %s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# A free port of 127.0.0.1, outside the range the kernel gives to outgoing connections, so
# that it is still free when a server that was stopped for a while comes back to it.
free_port() {
    python3 -c '
import random, socket
for _ in range(200):
    port = random.randint(20000, 31999)
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
else:
    raise SystemExit("no free port")'
}
