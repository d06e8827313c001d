#!/bin/sh
# Tests everything: ./test.sh [--short] [--long] [--fuzz DURATION]. The program is internal/testrun.
cd "$(dirname "$0")" || exit 1
if ! command -v go >/dev/null; then
	echo "go is not installed: get Go 1.26 or later from https://go.dev/dl/" >&2
	exit 1
fi
exec go run ./internal/testrun "$@"
