#!/bin/sh
# Runs Tidings against real receivers. Called by `make e2e` and `make e2e-all` with TIDINGS_BIN, the program under test.
#
#   e2e/receivers/run.sh               receivers from Debian and PyPI, and the test's own
#   e2e/receivers/run.sh --all         also those from Maven Central, and those that are compiled here
#   e2e/receivers/run.sh -run Redis    arguments of `go test` are passed on; what a test needs is installed when it runs
#
# What is downloaded is kept in $TIDINGS_CACHE, by default ~/.cache/tidings; nothing is installed on the machine.
set -eu

if ! command -v go >/dev/null 2>&1; then
	echo "the tests of receivers need Go: install Go 1.26 or newer and try again" >&2
	exit 1
fi
if [ -z "${TIDINGS_BIN:-}" ] || [ ! -x "$TIDINGS_BIN" ]; then
	echo "TIDINGS_BIN must name the tidings program to test; \`make e2e\` builds it and says so" >&2
	exit 1
fi
TIDINGS_BIN=$(cd "$(dirname "$TIDINGS_BIN")" && pwd)/$(basename "$TIDINGS_BIN")

TIDINGS_CACHE=${TIDINGS_CACHE:-$HOME/.cache/tidings}
export TIDINGS_BIN TIDINGS_CACHE
export GOCACHE="$TIDINGS_CACHE/go/build" GOMODCACHE="$TIDINGS_CACHE/go/mod" GOTOOLCHAIN=local GOWORK=off

# What takes minutes to download or to compile says so in its name.
skip='FromMaven|FromGo'
for argument in "$@"; do
	case "$argument" in
	--all | -run*) skip='^$' ;;
	esac
done
if [ "${1:-}" = "--all" ]; then
	shift
fi

cd "$(dirname "$0")"
echo "e2e: receivers, testing $TIDINGS_BIN (about 2 minutes)" >&2
# The tests mostly wait, so they wait together.
exec go test -count=1 -parallel=8 -timeout=15m -v -skip="$skip" . "$@"
