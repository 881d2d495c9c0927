#!/bin/sh
# Runs Tidings against a real control plane. Called by `make e2e` with TIDINGS_BIN, the program under test.
#
#   e2e/run.sh                 every test (so far, --all is the same)
#   e2e/run.sh -run Burst      arguments of `go test` are passed on
#
# Everything that takes minutes to make is kept in $TIDINGS_CACHE, by default ~/.cache/tidings.
set -eu

if ! command -v go >/dev/null 2>&1; then
	echo "make e2e needs Go: install Go 1.26 or newer and try again" >&2
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

if [ "${1:-}" = "--all" ]; then
	shift
fi

cd "$(dirname "$0")"
echo "e2e: looking for the programs of the cluster" >&2
go run ./cluster/build >/dev/null

# The tests mostly wait, for Events to expire and for revisions to be forgotten, so they wait together.
echo "e2e: testing $TIDINGS_BIN (about 4 minutes)" >&2
exec go test -count=1 -parallel=32 -timeout=20m -v . "$@"
