# The doors. Each is plain cargo or go underneath; what is missing on a bare Debian machine with Rust,
# a C compiler, Node and Go is installed by cargo, rustup or go themselves.

# One profile serves tests, e2e and the demo.
PROFILE ?= ci
KILLS ?= 200
RELOADS ?= 1000
EVENTS ?= 200000
RATE ?= 200
HOURS ?= 1

# Crates that compile long; each is a feature of the binary.
LEAVES = -p sinks-aws -p sinks-gcp -p sinks-kafka

.PHONY: demo test heavy e2e e2e-all differential corpus build torture torture-replicas reloads outage soak bench bench-original lint

## A pretend cluster, one minute, nothing to install.
demo:
	cargo run --profile $(PROFILE) -p tidings -- demo

## Every test that needs no other program.
test:
	cargo test --profile $(PROFILE)

## Lints and tests of the leaves that compile long, and the binary with all of them. Needs a C compiler, perl and make.
heavy:
	cargo clippy --profile $(PROFILE) $(LEAVES) --all-targets -- -D warnings
	cargo clippy --profile $(PROFILE) -p tidings --all-features -- -D warnings
	cargo test --profile $(PROFILE) $(LEAVES)
	cargo test --profile $(PROFILE) -p tidings --all-features --test it -- house:: every_kind_of_receiver
	cargo test --profile $(PROFILE) -p tidings --all-features --lib kinds::

## Real receivers from Debian and PyPI, then a real Kubernetes control plane, built from source, and the promise on it.
e2e:
	cargo build --profile $(PROFILE) -p tidings
	TIDINGS_BIN="$(call binary,$(PROFILE))" e2e/receivers/run.sh
	TIDINGS_BIN="$(call binary,$(PROFILE))" e2e/run.sh

## With every receiver that can be had, also those that take minutes to fetch.
e2e-all:
	cargo build --profile $(PROFILE) -p tidings --all-features
	TIDINGS_BIN="$(call binary,$(PROFILE))" e2e/receivers/run.sh --all
	TIDINGS_BIN="$(call binary,$(PROFILE))" e2e/run.sh --all

## Beside kubernetes-event-exporter: what differs must stand in docs/reference/differences.md. Needs Go; real
## configs and events are looked for in $CORPUS, by default ../shared/corpus.
differential:
	cargo test --quiet --profile $(PROFILE) -p tidings --test differential

## Every real config and every real event of $CORPUS, by default ../shared/corpus: nothing panics, and what is said
## of a file points into it.
corpus:
	cargo test --quiet --profile $(PROFILE) -p tidings --test corpus

## The released binary with every receiver, at target/release/tidings. Needs a C compiler, perl and make.
build:
	cargo build --release -p tidings --all-features

## kill -9 at random moments, and count what is missing.
torture:
	KILLS=$(KILLS) cargo test --quiet --profile $(PROFILE) -p tidings --test torture

## Two replicas: the leader is killed, with its state folder kept, then with it deleted each time.
torture-replicas:
	REPLICAS=kept KILLS=$(KILLS) cargo test --quiet --profile $(PROFILE) -p tidings --test torture
	REPLICAS=deleted KILLS=$(KILLS) cargo test --quiet --profile $(PROFILE) -p tidings --test torture

## Another config again and again under load, half of them broken, and count what is missing.
reloads:
	RELOADS=$(RELOADS) cargo test --quiet --profile $(PROFILE) -p tidings --test reloads

## A receiver is down for a day at RATE events a second, by a simulated clock, and on the binary for EVENTS events.
outage:
	OUTAGE_RATE=$(RATE) cargo test --quiet --profile $(PROFILE) -p pipeline --lib after_a_day_of_outage
	EVENTS=$(EVENTS) cargo test --quiet --profile $(PROFILE) -p tidings --test outage

## As many events as HOURS have, at higher speed: memory, descriptors and the state folder stay as they are.
soak:
	HOURS=$(HOURS) cargo test --quiet --profile $(PROFILE) -p tidings --test soak

## Events a second, bytes an event, memory: the table of docs/benchmarks.md.
bench:
	cargo bench -p benches

## Beside a stand-in for kubernetes-event-exporter, at the same floods: about five minutes. Needs Go.
bench-original:
	cargo bench -p benches -- original

## Formatting and lints; warnings are errors.
lint:
	rustup component add rustfmt clippy >/dev/null 2>&1 || cargo clippy --version >/dev/null
	cargo fmt --all --check
	cargo clippy --profile $(PROFILE) --all-targets -- -D warnings
	cargo clippy --profile $(PROFILE) -p tidings --test torture --test reloads --test outage --test soak --test differential --test corpus -- -D warnings
	cd e2e && test -z "$$(gofmt -l .)"

# Where cargo puts a binary of this profile.
binary = $(shell cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/$(1)/tidings
